"""Names of Kafka headers that are not UTF-8: messages that have one are read all the same.

aiokafka 0.14 decodes names as UTF-8 and raises from within its fetcher
(`record/default_records.py`, `_read_msg`, and the compiled form of it). One message with another
name, which any client in C may send, would stop each worker that is given its partition, and
nothing behind it would ever be read.
"""

import struct
from collections.abc import Iterator
from itertools import islice
from typing import Any

from aiokafka.consumer import fetcher
from aiokafka.record.default_records import _DefaultRecordBatchPy
from aiokafka.record.memory_records import MemoryRecords

# Base offset and length come first in a batch, of whatever version (Kafka's protocol guide).
_BEGIN = struct.Struct(">qi")


def read_any_header_names() -> None:
    r"""Have aiokafka's consumers read what bytes a name has that are no UTF-8 as `\xNN`."""
    fetcher.MemoryRecords = LenientRecords


class LenientRecords:
    """What was fetched of a partition, in place of aiokafka's MemoryRecords."""

    def __init__(self, fetched: bytes) -> None:
        self._fetched = memoryview(fetched)
        self._records: Any = MemoryRecords(fetched)
        self._at = 0

    def size_in_bytes(self) -> int:
        """How much was fetched."""
        return len(self._fetched)

    def has_next(self) -> bool:
        """Whether there is another batch."""
        return bool(self._records.has_next())

    def next_batch(self) -> "_LenientBatch":
        """Take the next batch."""
        begin = self._at
        _offset, length = _BEGIN.unpack_from(self._fetched, begin)
        self._at = begin + _BEGIN.size + length
        return _LenientBatch(self._records.next_batch(), self._fetched[begin : self._at])


class _LenientBatch:
    def __init__(self, batch: Any, content: memoryview) -> None:
        self._batch = batch
        self._content = content

    def __getattr__(self, name: str) -> Any:
        return getattr(self._batch, name)

    def __next__(self) -> Any:
        return next(self._batch)

    def __iter__(self) -> Iterator[Any]:
        read = 0
        try:
            for record in self._batch:
                yield record
                read += 1
        except UnicodeDecodeError:
            yield from islice(self._read_again(), read, None)

    def _read_again(self) -> Iterator[Any]:
        batch: Any = _DefaultRecordBatchPy(self._content)
        iter(batch)  # Decompresses.
        batch._buffer = _LenientBuffer(batch._buffer)  # noqa: SLF001, as the module says
        return iter(batch)


class _LenientBuffer(bytearray):
    """What aiokafka decodes names from, slice by slice."""

    def __getitem__(self, at: Any) -> Any:
        found = super().__getitem__(at)
        return _LenientBuffer(found) if isinstance(found, bytearray) else found

    def decode(self, encoding: str = "utf-8", errors: str = "backslashreplace") -> str:
        return super().decode(encoding, errors)
