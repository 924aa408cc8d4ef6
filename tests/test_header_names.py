import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from aiokafka import AIOKafkaProducer
from aiokafka.record.default_records import _DefaultRecordBatchBuilderPy
from aiokafka.record.memory_records import MemoryRecords

from service.broker import client_options
from service.header_names import LenientRecords
from service.worker_process import start_worker
from tests.conftest import Beat
from tests.faults.traffic import write_match
from tests.kafka_client import produce

UNCOMPRESSED, GZIP = 0, 1


class RawName(str):
    """A name as a client in C may send it."""

    __slots__ = ()

    def encode(self, _encoding: str = "utf-8", _errors: str = "strict") -> bytes:
        return b"\xffid"


def build_batch(compression: int, names: list[str]) -> _DefaultRecordBatchBuilderPy:
    builder = _DefaultRecordBatchBuilderPy(2, compression, 0, -1, -1, -1, 100_000)
    for offset, name in enumerate(names):
        article = {
            "id": f"a{offset}",
            "title": "TTP attack",
            "text": write_match("Tank", offset + 2),
        }
        value = json.dumps(article).encode()
        builder.append(offset, 1_700_000_000_000, b"key", value, [(name, b"v"), ("plain", None)])
    return builder


@pytest.mark.parametrize("compression", [UNCOMPRESSED, GZIP])
def test_names_that_are_not_utf_8_are_read_and_so_is_what_comes_after(compression: int) -> None:
    batches = [["plain", RawName(), "after"], ["ütf", "last"]]
    fetched = b"".join(bytes(build_batch(compression, names).build()) for names in batches)
    records = LenientRecords(fetched)
    names = []
    while records.has_next():
        batch = records.next_batch()
        assert batch.validate_crc()
        assert not batch.is_control_batch
        names += [[name for name, _ in record.headers] for record in batch]
    assert names == [
        ["plain", "plain"], ["\\xffid", "plain"], ["after", "plain"], ["ütf", "plain"],
        ["last", "plain"],
    ]  # fmt: skip
    assert records.size_in_bytes() == len(fetched)


def test_aiokafka_alone_reads_nothing_from_there_on() -> None:
    batch: Any = MemoryRecords(bytes(build_batch(UNCOMPRESSED, [RawName()]).build())).next_batch()
    with pytest.raises(UnicodeDecodeError):
        list(batch)


@pytest.mark.broker
def test_worker_reads_on_after_a_header_whose_name_is_not_utf_8(beat: Beat, tmp_path: Path) -> None:
    async def send() -> None:
        async with AIOKafkaProducer(**client_options(beat.settings)) as producer:
            batch = producer.create_batch()
            batch._builder = build_batch(UNCOMPRESSED, ["plain", RawName()])  # noqa: SLF001
            batch._relative_offset = 2  # noqa: SLF001
            batch.close()
            await (await producer.send_batch(batch, beat.settings.articles_topic, partition=0))

    asyncio.run(send())
    produce(beat.bootstrap, beat.settings.articles_topic, [(b"b", b"no article")])
    with start_worker(beat.environ, tmp_path) as worker:
        worker.wait_until_ready()
        ledger = worker.wait_for_ledger(3)
        worker.drain()
    assert ledger["rejected"] == 1
    assert ledger["alerted"] + ledger["repeated"] == 2
