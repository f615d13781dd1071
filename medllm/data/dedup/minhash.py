"""MinHash: texts that share most of their shingles agree in some band of their signature.

    text -> units -> shingles of n units -> smallest of each hash function -> a key per band
           characters or words            rows hash functions make a band

The chance that two texts agree in at least one band is 1 - (1 - J ** rows) ** bands, where J is
the Jaccard similarity of their sets of shingles (Broder 1997).
"""

import numpy as np
from numba import njit

UNITS = {"character": 0, "word": 1, "auto": 2}
WIDE = 0x2E80  # from here on Unicode holds the scripts that are written without spaces
TILE = 1024  # hash functions at a time, so that their state stays in the first cache
MULTIPLIER = np.uint64(0x9E3779B97F4A7C15)  # 2**64 / golden ratio, Knuth 6.4
MIXER = np.uint64(0xBF58476D1CE4E5B9)  # of splitmix64
HALF = np.uint64(32)
ALL = np.uint32(0xFFFFFFFF)


def codes(text: str) -> np.ndarray:
    """Code points (T,) uint32."""
    return np.frombuffer(text.encode("utf-32-le", "surrogatepass"), dtype=np.uint32)


def shingle_set(text: str, *, unit: str, size: int) -> np.ndarray:
    """Hashes of a text's shingles, uint64, sorted; one that occurs twice is there twice.

    A text with fewer units than a shingle has one shingle: all of it.
    """
    written = codes(text)
    room = np.empty(len(written) + 1, dtype=np.uint64)
    return np.sort(room[: shingles(written, UNITS[unit], size, room)])


@njit(cache=True, nogil=True)
def jaccard(first, second):
    """Similarity of two sorted arrays as sets: what they share among all they hold."""
    a = b = shared = either = 0
    while a < len(first) or b < len(second):
        from_first = b == len(second) or (a < len(first) and first[a] <= second[b])
        value = first[a] if from_first else second[b]
        before = a, b
        while a < len(first) and first[a] == value:
            a += 1
        while b < len(second) and second[b] == value:
            b += 1
        shared += a > before[0] and b > before[1]
        either += 1
    return shared / either


@njit(cache=True, nogil=True)
def column_bits(columns):
    """Bits of a key that hold its column."""
    bits = 0
    while columns > 1 << bits:
        bits += 1
    return bits


@njit(cache=True, nogil=True)
def band_keys(codes, offsets, ranks, unit, size, multipliers, increments, rows, keys):
    """Write a key for each band of each text.

    Args:
        codes: (T,) uint32, the characters of all texts end to end.
        offsets: (N + 1,) int64, where each text begins.
        ranks: (N,) int64, the column of `keys` that is a text's.
        unit: a value of `UNITS`.
        size: units in a shingle.
        multipliers: (bands * rows,) uint32, odd.
        increments: likewise, uint32.
        rows: hash functions in a band.
        keys: (bands, columns) uint64. The low bits of a key become its column, so that sorting
            a band puts texts that agree side by side, in the order of their columns.
    """
    bits = np.uint64(column_bits(keys.shape[1]))
    room = np.empty(np.diff(offsets).max() + 4, dtype=np.uint64)
    smallest = np.empty(len(multipliers), dtype=np.uint32)
    for text in range(len(ranks)):
        count = shingles(codes[offsets[text] : offsets[text + 1]], unit, size, room)
        room[count : count + 3] = room[count - 1]  # to whole fours, without a new shingle
        hashed = (room[: (count + 3) // 4 * 4] >> HALF).astype(np.uint32)
        smallest[:] = ALL
        for start in range(0, len(smallest), TILE):
            tile = slice(start, start + TILE)
            _lower(smallest[tile], multipliers[tile], increments[tile], hashed)
        for band in range(len(keys)):
            key = np.uint64(0)
            for value in smallest[band * rows : (band + 1) * rows]:
                key = _mixed(key ^ np.uint64(value))
            key = key >> bits << bits
            keys[band, ranks[text]] = key | np.uint64(ranks[text])


@njit(cache=True, nogil=True)
def _lower(smallest, multipliers, increments, hashed):
    """Lower each row's smallest hash to that of any shingle; four at a time save loads."""
    for number in range(0, len(hashed), 4):
        a, b, c, d = hashed[number], hashed[number + 1], hashed[number + 2], hashed[number + 3]
        for row in range(len(smallest)):
            factor, term = multipliers[row], increments[row]
            lower = min(
                min(np.uint32(factor * a + term), np.uint32(factor * b + term)),
                min(np.uint32(factor * c + term), np.uint32(factor * d + term)),
            )
            smallest[row] = min(smallest[row], lower)


@njit(cache=True, nogil=True)
def shingles(codes, unit, size, found):
    """Write the hash of every shingle of a text to `found`; how many, at least 1."""
    count = _units(codes, unit, found)
    dropped = np.uint64(1)
    for _ in range(size):
        dropped *= MULTIPLIER
    rolled = np.uint64(0)
    leaving = np.uint64(0)
    for number in range(min(size - 1, count)):
        rolled = rolled * MULTIPLIER + found[number]
    if count < size:
        found[0] = _mixed(rolled)
        return 1
    for number in range(count - size + 1):
        rolled = rolled * MULTIPLIER + found[number + size - 1] - leaving * dropped
        leaving = found[number]
        found[number] = _mixed(rolled)
    return count - size + 1


@njit(cache=True, nogil=True)
def _units(codes, unit, found):
    """Write a hash of every unit to `found`; how many.

    character: every character, spaces too. word: what stands between spaces. auto: words, and
    of the scripts without spaces each character.
    """
    count = 0
    word = np.uint64(0)  # 0 between words
    for code in codes:
        alone = unit == 0 or (unit == 2 and code >= WIDE)
        space = unit != 0 and _is_space(code)
        if word and (alone or space):
            found[count] = word
            count += 1
            word = np.uint64(0)
        if alone and not space:
            found[count] = _mixed(np.uint64(code) + MULTIPLIER)
            count += 1
        elif not space:
            word = _mixed(word + np.uint64(code) + MULTIPLIER) | np.uint64(1)
    if word:
        found[count] = word
        count += 1
    return count


@njit(cache=True, nogil=True)
def _is_space(code):
    """As `str.isspace` has it."""
    return (
        code == 0x20
        or 0x09 <= code <= 0x0D
        or 0x1C <= code <= 0x1F
        or code in (0x85, 0xA0, 0x1680, 0x2028, 0x2029, 0x202F, 0x205F, 0x3000)
        or 0x2000 <= code <= 0x200A
    )


@njit(cache=True, nogil=True)
def _mixed(number):
    """Every bit of the number in every bit of the result, nearly."""
    number = (number ^ number >> HALF) * MIXER
    number = (number ^ number >> HALF) * MULTIPLIER
    return number ^ number >> HALF
