"""Windows of tokens that occur more than once, found in one sweep and without a suffix array.

    tokens -> hash of every window -> table: the occurrence that would stay, so far
                                        | same hash, then same tokens: both are repeated, and the
                                        v one that does not stay is marked

A token lies in a repeated text of `window` tokens or more if and only if a window over it occurs
twice, so windows suffice. The table holds 8 bytes per entry: 24 bits of the hash, so that other
windows are seldom looked at, and the place of the window plus one in 40 bits (10**12 tokens).

Places count the tokens of all streams through. T tokens, S streams, N documents, W windows.
"""

from typing import NamedTuple

import numpy as np
from numba import njit

MULTIPLIER = np.uint64(0x9E3779B97F4A7C15)  # 2**64 / golden ratio, Knuth 6.4; odd
BLOCK = 1024  # windows whose table entries are fetched together, so that cache misses overlap
AHEAD = 2  # a probe of that many entries often ends in another line of the cache
PLACE_BITS = np.uint64(40)
PLACE = np.uint64((1 << 40) - 1)
HALF = np.uint64(32)
LOW = np.uint64((1 << 32) - 1)
BACK, AGREED, DOCUMENT, COLLISIONS = range(4)  # what a sweep remembers of the last match


class Corpus(NamedTuple):
    """What is searched.

    ids: S arrays of one dtype, a stream each.
    first: (S + 1,) int64, the place of each stream's first token; last, the number of tokens.
    borders: (N + 1,) int64, the place at which each document begins; last, the number of tokens.
    contents: (N,) uint64, a hash of each document, which decides whose copy stays.
    """

    ids: tuple[np.ndarray, ...]
    first: np.ndarray
    borders: np.ndarray
    contents: np.ndarray


@njit(cache=True, nogil=True)
def content_hashes(ids, offsets):
    """Hashes (N,) of the documents of one stream, and the largest id in it, -1 if empty."""
    hashes = np.empty(len(offsets) - 1, dtype=np.uint64)
    largest = -1
    for document in range(len(hashes)):
        hashed = np.uint64(offsets[document + 1] - offsets[document])
        for place in range(offsets[document], offsets[document + 1]):
            hashed = (hashed ^ np.uint64(ids[place])) * MULTIPLIER
            hashed ^= hashed >> HALF
            largest = max(largest, np.int64(ids[place]))
        hashes[document] = hashed
    return hashes, largest


@njit(cache=True, nogil=True)
def mark(corpus, window, part, parts, multiplier, table, repeated, leaves):
    """Look for repeats among the windows whose hash falls into one of `parts` equal parts.

    Of equal windows the one in the document with the smallest content hash stays, then the one in
    the first of equal documents, then the first one in the document.

    Args:
        corpus: see `Corpus`.
        window: tokens in a window.
        part: which part of the hashes, below `parts`.
        parts: parts that the windows are split into, so that a part fits the table.
        multiplier: of the rolling hash.
        table: (C,) uint64 zeros; C must exceed the windows of the part by 2.
        repeated: (T / 8,) uint8, a bit per place; set where a window begins that occurs twice.
        leaves: likewise, set where such a window begins that does not stay.

    Returns:
        How often tokens had to tell two windows apart.
    """
    hashes, fetched = np.empty((2, BLOCK), dtype=np.uint64)
    starts = np.empty(BLOCK, dtype=np.int64)
    seen = np.zeros(4, dtype=np.int64)
    stream = 0
    for document in range(len(corpus.borders) - 1):
        begin, stop = corpus.borders[document], corpus.borders[document + 1]
        while corpus.first[stream + 1] < stop:
            stream += 1
        tokens = corpus.ids[stream][begin - corpus.first[stream] : stop - corpus.first[stream]]
        rolled = _rolled(tokens[: window - 1], multiplier)
        seen[BACK] = 0
        for block in range(0, len(tokens) - window + 1, BLOCK):
            count, rolled = _hash_block(
                tokens, block, window, part, parts, rolled, multiplier, hashes, starts
            )
            for number in range(count):  # only so that the cache holds what is looked at below
                slot = _home(hashes[number], table)
                fetched[number] = table[slot] + table[slot + AHEAD]
            for number in range(count):
                start, tag = starts[number], hashes[number] << PLACE_BITS
                slot = _probe(table, _home(hashes[number], table), tag)
                while table[slot]:
                    other = np.int64(table[slot] & PLACE) - 1
                    if _is_equal(corpus, tokens, start, start + window, begin, other, seen):
                        break
                    slot = _probe(table, slot + 1, tag)
                if table[slot]:
                    _set(repeated, begin + start)
                    _set(repeated, other)
                    if not _stays(corpus, document, other, seen):
                        _set(leaves, begin + start)
                        continue
                    _set(leaves, other)
                table[slot] = tag | np.uint64(begin + start + 1)
    return seen[COLLISIONS]


@njit(cache=True, nogil=True)
def _home(hashed, table):
    """The slot at which to begin to look for a hash."""
    return _scaled(hashed >> HALF, len(table) - AHEAD)


@njit(cache=True, nogil=True)
def _probe(table, slot, tag):
    """The first slot from `slot` on that is empty or has the bits of the hash that are in `tag`."""
    slot = slot if slot < len(table) else 0
    while table[slot] and (table[slot] ^ tag) >> PLACE_BITS:
        slot = slot + 1 if slot + 1 < len(table) else 0
    return slot


@njit(cache=True, nogil=True)
def _is_equal(corpus, tokens, start, stop, begin, other, seen):
    """Whether tokens `start` to `stop` of the document at place `begin` equal those at `other`.

    Windows follow one another, so most of their tokens have been compared before: `seen` knows
    at which distance, and up to which token they agreed.
    """
    back = begin + start - other
    agreed = seen[AGREED] if back == seen[BACK] and start <= seen[AGREED] else start
    stream = np.searchsorted(corpus.first, other, side="right") - 1
    others = corpus.ids[stream]
    shift = begin - back - corpus.first[stream]
    while agreed < stop and tokens[agreed] == others[agreed + shift]:
        agreed += 1
    seen[BACK], seen[AGREED] = back, agreed if agreed == stop else start
    seen[COLLISIONS] += agreed < stop
    return agreed == stop


@njit(cache=True, nogil=True)
def _stays(corpus, document, other, seen):
    """Whether a window in `document` stays rather than the equal one at the earlier `other`."""
    beside = seen[DOCUMENT]
    if not corpus.borders[beside] <= other < corpus.borders[beside + 1]:
        beside = seen[DOCUMENT] = np.searchsorted(corpus.borders, other, side="right") - 1
    return corpus.contents[document] < corpus.contents[beside]


@njit(cache=True, nogil=True)
def _rolled(tokens, multiplier):
    """The hash of `tokens`: the sum of token * multiplier ** (tokens after it)."""
    rolled = np.uint64(0)
    for token in tokens:
        rolled = rolled * multiplier + np.uint64(token)
    return rolled


@njit(cache=True, nogil=True)
def _hash_block(tokens, block, window, part, parts, rolled, multiplier, hashes, starts):
    """Fill in the windows of this part that start in a block; how many, and the hash to go on."""
    dropped = np.uint64(1)
    for _ in range(window):
        dropped *= multiplier
    count = 0
    leaving = np.uint64(tokens[block - 1]) if block else np.uint64(0)
    for start in range(block, min(block + BLOCK, len(tokens) - window + 1)):
        rolled = rolled * multiplier + np.uint64(tokens[start + window - 1]) - leaving * dropped
        leaving = np.uint64(tokens[start])
        mixed = rolled * MULTIPLIER
        mixed ^= mixed >> HALF
        hashes[count], starts[count] = mixed, start
        count += np.int64(_scaled(mixed & LOW, parts) == part)
    return count, rolled


@njit(cache=True, nogil=True)
def _scaled(number, size):
    """A number of 32 bits as one below `size`."""
    return np.int64(number * np.uint64(size) >> HALF)


@njit(cache=True, nogil=True)
def _set(bits, place):
    bits[place >> 3] |= np.uint8(1 << (place & 7))


@njit(cache=True, nogil=True)
def is_set(bits, place):
    return bits[place >> 3] >> (place & 7) & 1


@njit(cache=True, nogil=True)
def count_bits(bits, start, stop):
    """Bits set from place `start` to `stop`."""
    count = 0
    for place in range(start, stop):
        count += is_set(bits, place)
    return count
