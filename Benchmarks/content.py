"""Deterministic bodies, and counting of what was sent of them.

The byte at any offset is a pure function of a seed and the offset, so that every delivered byte of a body of any
length can be checked without keeping the body. The same function as `Content.swift` of the scripted peers: blocks of
64 KiB, each a slice of one fixed random pattern begun at a place that is hashed from the seed and the block's number.
Making is a slice, comparing is memcmp; a splice of two versions, a shift or a repeat shows at once.
"""

import array
import bisect
import ctypes
import sys
import zlib

BLOCK = 65536
PLACES = 1048576
MASK = (1 << 64) - 1
GOLDEN = 0x9E3779B97F4A7C15

_library = ctypes.CDLL(None)
_memcmp = _library.memcmp
_memcmp.argtypes = [ctypes.c_void_p, ctypes.c_void_p, ctypes.c_size_t]
_memcmp.restype = ctypes.c_int


def mixed(value):
    """The finishing step of splitmix64."""
    word = (value + GOLDEN) & MASK
    word = ((word ^ (word >> 30)) * 0xBF58476D1CE4E5B9) & MASK
    word = ((word ^ (word >> 27)) * 0x94D049BB133111EB) & MASK
    return word ^ (word >> 31)


def _make_pattern():
    words = array.array("Q", (mixed(word) for word in range((PLACES + BLOCK) // 8)))
    if sys.byteorder == "big":
        words.byteswap()
    return bytearray(words.tobytes())


PATTERN = _make_pattern()
VIEW = memoryview(PATTERN)
ADDRESS = ctypes.addressof((ctypes.c_char * len(PATTERN)).from_buffer(PATTERN))


class Content:
    """One version of a file."""

    def __init__(self, version, length):
        self.seed = mixed(zlib.crc32(version.encode()))
        self.length = length
        self._places = {}

    def _place(self, block):
        place = self._places.get(block)
        if place is None:
            place = mixed((self.seed + block * GOLDEN) & MASK) % PLACES
            self._places[block] = place
        return place

    def slices(self, offset, count):
        """The content as slices of the pattern, each within a block."""
        while count > 0:
            inside = offset % BLOCK
            size = min(count, BLOCK - inside)
            start = self._place(offset // BLOCK) + inside
            yield VIEW[start:start + size]
            offset += size
            count -= size

    def wrong_bytes(self, buffer, count, offset):
        """How many of the first `count` bytes of a writable buffer differ from the content from `offset` on."""
        base = ctypes.addressof(ctypes.c_char.from_buffer(buffer))
        wrong = max(0, offset + count - self.length)
        count -= wrong
        position = 0
        while position < count:
            at = offset + position
            inside = at % BLOCK
            size = min(count - position, BLOCK - inside)
            start = self._place(at // BLOCK) + inside
            if _memcmp(base + position, ADDRESS + start, size) != 0:
                found = bytes(memoryview(buffer)[position:position + size])
                wrong += sum(1 for one, other in zip(found, VIEW[start:start + size]) if one != other)
            position += size
        return wrong


class Tally:
    """How many bytes of a body were sent, and how many different ones."""

    def __init__(self):
        self.total = 0
        # Disjoint ranges in order, ends exclusive; those that adjoin are joined.
        self.starts = []
        self.ends = []

    def add(self, start, end):
        if end <= start:
            return
        self.total += end - start
        first = bisect.bisect_left(self.ends, start)
        last = bisect.bisect_right(self.starts, end)
        if first < last:
            start = min(start, self.starts[first])
            end = max(end, self.ends[last - 1])
        self.starts[first:last] = [start]
        self.ends[first:last] = [end]

    @property
    def unique(self):
        return sum(self.ends) - sum(self.starts)


UNITS = {"": 1, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30}


def size(text):
    """Bytes of `100M`, `1K`, `10G` or a plain number."""
    text = text.strip().upper()
    unit = text[-1] if text and text[-1] in "KMG" else ""
    return int(float(text[:len(text) - len(unit)]) * UNITS[unit])
