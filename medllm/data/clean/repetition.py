"""How much a text says twice, after Rae et al. 2021 (Gopher, arXiv 2112.11446, table A1).

A word is a run of letters and digits, or a single Chinese character. Every share is of the
characters in words, in [0, 1]. The first time counts as saying it, later times as repeating it.
Of a text under 50 words the shares are 0: the paper keeps no such text, and in a sentence or
two every name is said twice.
"""

import re
from collections.abc import Sequence

import numpy as np

from medllm.data.clean.language import HAN

FEWEST = 50  # words
UNIT = re.compile(rf"[{HAN}]|[^\W{HAN}_]+")
BASE = np.uint64(0x9E3779B97F4A7C15)  # of a polynomial modulo 2**64; any large odd number


def lines(text: str) -> float:
    """Share of characters in lines that stood before."""
    seen: set[str] = set()
    repeated = total = 0
    for line in filter(None, map(str.strip, text.split("\n"))):
        total += len(line)
        repeated += len(line) if line in seen else 0
        seen.add(line)
    return repeated / max(total, 1)


def ngrams(text: str, n: int) -> float:
    """Share of characters covered by sequences of n words that stood before.

    Characters in several such sequences count once.
    """
    words = UNIT.findall(text)
    if len(words) < max(FEWEST, n):
        return 0.0
    hashes = _windows(words, n)
    _, first = np.unique(hashes, return_index=True)
    is_repeat = np.ones(len(hashes), dtype=bool)
    is_repeat[first] = False
    return _share(words, np.flatnonzero(is_repeat), n)


def top_ngram(text: str, n: int) -> float:
    """Share of characters covered by the most frequent sequence of n words."""
    words = UNIT.findall(text)
    if len(words) < max(FEWEST, n):
        return 0.0
    _, inverse, counts = np.unique(_windows(words, n), return_inverse=True, return_counts=True)
    if counts.max() == 1:  # nothing is said twice
        return 0.0
    return _share(words, np.flatnonzero(inverse == counts.argmax()), n)


def _windows(words: Sequence[str], n: int) -> np.ndarray:
    """(len(words) - n + 1,) uint64, equal for equal sequences of n words."""
    number: dict[str, int] = {}
    ids = np.fromiter((number.setdefault(word, len(number)) for word in words), dtype=np.uint64)
    ids = (ids + np.uint64(1)) * BASE  # spreads small numbers over all bits
    ids ^= ids >> np.uint64(29)
    hashes = np.zeros(len(words) - n + 1, dtype=np.uint64)
    for place in range(n):
        hashes = hashes * BASE + ids[place : place + len(hashes)]
    return hashes


def _share(words: Sequence[str], starts: np.ndarray, n: int) -> float:
    """Share of characters in the words that a sequence of n from one of `starts` covers."""
    if not len(starts):
        return 0.0
    edges = np.zeros(len(words) + 1, dtype=np.int64)
    np.add.at(edges, starts, 1)
    np.add.at(edges, starts + n, -1)
    sizes = np.fromiter(map(len, words), dtype=np.int64)
    return float(sizes[np.cumsum(edges[:-1]) > 0].sum() / sizes.sum())
