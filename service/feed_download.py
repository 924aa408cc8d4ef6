"""Fetch a feed over HTTP, within bounds."""

import time
from http.client import HTTPException
from urllib.error import HTTPError, URLError
from urllib.request import (
    HTTPDefaultErrorHandler,
    HTTPErrorProcessor,
    HTTPHandler,
    HTTPRedirectHandler,
    HTTPSHandler,
    OpenerDirector,
    ProxyHandler,
    Request,
    UnknownHandler,
)

from service import __version__
from service.feeds import FEED_MAX_BYTES, FeedError

# As long as browsers' users are patient; a feed is a few hundred kilobytes.
FETCH_SECONDS = 30.0
_CHUNK_BYTES = 65_536


def fetch_feed(url: str, *, limit_seconds: float = FETCH_SECONDS) -> tuple[bytes, str]:
    """Fetch what is at an address.

    Args:
        url: http or https; to other schemes it is not redirected either.
        limit_seconds: for each wait for the server, and for its whole answer.

    Returns:
        At most FEED_MAX_BYTES, and the address they came from in the end.

    Raises:
        FeedError: the server is not there, or its answer is an error, too long or too slow.
    """
    give_up_at = time.monotonic() + limit_seconds
    content = b""
    try:
        request = Request(  # noqa: S310, the opener knows no other schemes
            url, headers={"User-Agent": f"beatwatch/{__version__}", "Accept-Encoding": "identity"}
        )
        with _build_opener().open(request, timeout=limit_seconds) as response:
            while chunk := response.read1(_CHUNK_BYTES):
                content += chunk
                if len(content) > FEED_MAX_BYTES:
                    raise FeedError(f"{url}: more than {FEED_MAX_BYTES:,} bytes")
                if time.monotonic() > give_up_at:
                    raise FeedError(f"{url}: not read to its end in {limit_seconds:g} s")
            return content, response.url
    except HTTPError as error:
        error.close()
        raise FeedError(f"{url}: the server answers {error.code} {error.reason}") from error
    except (OSError, HTTPException, ValueError) as error:
        reason = error.reason if isinstance(error, URLError) else error
        raise FeedError(f"{url}: cannot be fetched: {reason}") from error


def _build_opener() -> OpenerDirector:
    # Python's own would also open file: and ftp:.
    opener = OpenerDirector()
    for handler in (
        ProxyHandler,
        UnknownHandler,
        HTTPHandler,
        HTTPSHandler,
        HTTPDefaultErrorHandler,
        HTTPRedirectHandler,
        HTTPErrorProcessor,
    ):
        opener.add_handler(handler())
    return opener
