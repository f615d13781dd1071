"""Texts as they are compared: letters and digits only, in one spelling.

    "患者，男，45岁。" -> 患|者|男|4|5|岁         characters: one unit each
    "A 45-year-old"   -> a|45|year|old         words: one unit each, Chinese between them left out

Compatibility forms (NFKD), accents, case and traditional characters are folded away, code point
by code point, so that the folding of a part is the part of the folding.
"""

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

import numba
import numpy as np
import opencc

Script = Literal["characters", "words"]

ASSIGNED = 0x30000  # what lies beyond is unassigned or private, but for some rare ideographs
IDEOGRAPHS = (  # kana among them: they, too, are written without spaces
    (0x3040, 0x3100), (0x3400, 0x4DC0), (0x4E00, 0xA000), (0xF900, 0xFB00), (0x20000, ASSIGNED),
)  # fmt: skip
BREAK = 0  # ends a word
MARK = -1  # an accent, an invisible mark: left out, and ends nothing


@dataclass(frozen=True)
class Units:
    """Some texts in one script, folded, cut into units and laid end to end.

    letters: (C,) uint32 code points, a BREAK behind every word.
    starts: (U + 1,) where each unit starts in `letters`.
    values: (U,) uint64, equal where units are.
    borders: (N + 1,) the unit at which each text starts.
    """

    letters: np.ndarray
    starts: np.ndarray
    values: np.ndarray
    borders: np.ndarray

    def text(self, start: int, stop: int) -> str:
        """The units from `start` to before `stop`, words with a space between."""
        letters = self.letters[self.starts[start] : self.starts[stop]]
        return letters.tobytes().decode("utf-32-le").replace("\0", " ").strip()


def scripts(texts: Sequence[str]) -> list[Script]:
    """What each of `texts` is best compared by: characters, unless words outnumber them."""
    *_, is_ideograph = table()
    words = np.diff(fold(texts, "words").borders)
    letters, borders = spelt(texts)
    before = np.concatenate([[0], np.cumsum(is_ideograph[letters])])
    chinese = np.diff(before[borders])
    return ["characters" if each else "words" for each in (chinese > 0) & (chinese >= words)]


def fold(texts: Sequence[str], script: Script) -> Units:
    """The units of `texts`."""
    return units(*spelt(texts), script)


def spelt(texts: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
    """The letters of `texts` in their one spelling, each BREAK kept; where each text starts."""
    codes = np.frombuffer("".join(texts).encode("utf-32-le", "surrogatepass"), np.uint32)
    to, spellings, _ = table()
    return _spelt(codes, np.cumsum([0, *map(len, texts)]), to, spellings)


def units(
    letters: np.ndarray, borders: np.ndarray, script: Script, *, skips: bool = False
) -> Units:
    """What `spelt` gives, cut into units.

    Args:
        skips: by characters, a text without any Chinese has no units.
    """
    *_, is_ideograph = table()
    if script == "characters":
        letters, borders = _characters(letters, borders, is_ideograph, skips)
        return Units(letters, np.arange(len(letters) + 1), letters.astype(np.uint64), borders)
    letters, borders = _words(letters, borders, is_ideograph)
    starts = np.concatenate([[0], np.flatnonzero(letters == BREAK) + 1])
    return Units(letters, starts, _values(letters, starts), np.searchsorted(starts, borders))


@lru_cache
def table() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """What becomes of each code point, for the compiled code.

    Returns:
        to: (ASSIGNED,) int32, the letter it becomes, BREAK, MARK or, where it is spelt in
            several letters, minus their place in `spellings`.
        spellings: uint32, at each place how many there are, then themselves.
        is_ideograph: (ASSIGNED,)
    """
    to, spellings = np.empty(ASSIGNED, np.int32), [0, 0]  # a place below MARK is 2 or more
    for code in range(ASSIGNED):
        letters = _spelling(chr(code))
        to[code] = letters[0] if len(letters) == 1 else MARK
        if len(letters) > 1:
            to[code] = -len(spellings)
            spellings += [len(letters), *letters]
    is_ideograph = np.zeros(ASSIGNED, dtype=bool)
    for start, stop in IDEOGRAPHS:
        is_ideograph[start:stop] = True
    chinese = np.flatnonzero(is_ideograph & (to > 0))
    # One per line: some letters are simplified otherwise where they stand together.
    simplified = opencc.OpenCC("t2s").convert("\n".join(map(chr, to[chinese])))
    to[chinese] = [ord(letter) for letter in simplified.split("\n")]
    return to, np.array(spellings, np.uint32), is_ideograph


def _spelling(letter: str) -> list[int]:
    spelling = []
    for part in unicodedata.normalize("NFKD", letter).casefold():
        category = unicodedata.category(part)
        if category[0] in "LN":
            spelling.append(ord(part))
        elif category[0] != "M" and category != "Cf":
            spelling.append(BREAK)
    return spelling


@numba.njit(cache=True)
def _spelt(codes, ends, to, spellings):
    room = len(codes)
    for code in codes:
        if code < len(to) and to[code] < MARK:
            room += spellings[-to[code]]
    letters, borders, size = np.empty(room, np.uint32), np.empty_like(ends), 0
    for text in range(len(ends) - 1):
        borders[text] = size
        for at in range(ends[text], ends[text + 1]):
            becomes = to[codes[at]] if codes[at] < len(to) else BREAK
            if becomes >= BREAK:
                letters[size] = becomes
                size += 1
            elif becomes < MARK:
                for place in range(1 - becomes, 1 - becomes + spellings[-becomes]):
                    letters[size] = spellings[place]
                    size += 1
    borders[-1] = size
    return letters[:size], borders


@numba.njit(cache=True)
def _characters(letters, borders, is_ideograph, skips):
    """Without breaks; without the texts that hold no ideograph, if it `skips` them."""
    kept, starts, size = np.empty_like(letters), np.empty_like(borders), 0
    for text in range(len(borders) - 1):
        starts[text] = size
        is_chinese = False
        for letter in letters[borders[text] : borders[text + 1]]:
            kept[size] = letter
            size += letter != BREAK
            is_chinese |= is_ideograph[letter]
        if skips and not is_chinese:
            size = starts[text]
    starts[-1] = size
    return kept[:size], starts


@numba.njit(cache=True)
def _words(letters, borders, is_ideograph):
    """With one BREAK behind each word; ideographs are breaks."""
    kept, starts, size = np.empty(len(letters) + len(borders), np.uint32), np.empty_like(borders), 0
    for text in range(len(borders) - 1):
        starts[text] = size
        is_word = False
        for letter in letters[borders[text] : borders[text + 1]]:
            is_letter = letter != BREAK and not is_ideograph[letter]
            if is_letter or is_word:
                kept[size] = letter if is_letter else BREAK
                size += 1
            is_word = is_letter
        if is_word:
            kept[size] = BREAK
            size += 1
    starts[-1] = size
    return kept[:size], starts


@numba.njit(cache=True)
def _values(letters, starts):
    """A number per word, from its letters and the break behind them."""
    values = np.empty(len(starts) - 1, np.uint64)
    for word in range(len(values)):
        value = np.uint64(0)
        for at in range(starts[word], starts[word + 1]):
            value = value * np.uint64(0x100000001B3) + np.uint64(letters[at])  # FNV's prime
        values[word] = value
    return values
