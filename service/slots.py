"""Numbers -> slots of a table, by multiplicative hashing.

See Knuth, The Art of Computer Programming 3, 6.4. The factors are odd and their bits without
pattern: the golden ratio, and a prime of xxHash.
"""

import numpy as np
from numpy.typing import NDArray

Integers = NDArray[np.int64]

_FIRST = np.uint64(0x9E3779B97F4A7C15)
_SECOND = np.uint64(0xC2B2AE3D27D4EB4F)


def find_slots(keys: Integers, bits: int) -> Integers:
    """Find the slot of each key in a table of `2**bits`."""
    return _take_first_bits(keys.view(np.uint64) * _FIRST, bits)


def find_slots_of_pairs(keys: Integers, bits: int) -> Integers:
    """Find the slot of each key of two numbers, shape (2, keys), in a table of `2**bits`."""
    first, second = keys.view(np.uint64)
    hashed = first * _FIRST
    hashed ^= second * _SECOND
    return _take_first_bits(hashed, bits)


def _take_first_bits(hashed: NDArray[np.uint64], bits: int) -> Integers:
    slots: Integers = (hashed >> np.uint64(64 - bits)).view(np.int64)
    return slots
