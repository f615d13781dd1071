"""A corpus of any size with the local statistics of real books, and planted duplicates.

The books of ../shared/data/text/zh/tcm_books are walked through at random: from each character
the walk goes on where the same two characters occur elsewhere in the books, so that any three
characters in a row are real and long repeats are rare. Then 3 % of the documents are repeated
word for word and 3 % with edits.
"""

from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numba import njit

BOOKS = "text/zh/tcm_books/*.txt"
MEDIAN = 1500  # characters of a document; the sizes are log-normal
SPREAD = 0.8
SHARE = 0.03  # of the documents that are repeated exactly, and as many with edits
EDITS = 0.0225  # of the characters; with 5 characters in a shingle J is about 0.82


class Planted(NamedTuple):
    """texts, shuffled; exact and near: (pairs, 2) numbers of a text and of its planted copy."""

    texts: list[str]
    exact: np.ndarray
    near: np.ndarray


def planted(data: Path, *, size: int, seed: int) -> Planted:
    """About `size` bytes of UTF-8, of which 6 % are planted copies."""
    rng = np.random.default_rng(seed)
    real = "".join(path.read_text("gb18030", errors="replace") for path in sorted(data.glob(BOOKS)))
    characters = int(size / (1 + 2 * SHARE) / (len(real.encode()) / len(real)))
    walk = _walked(real, characters, seed)
    sizes = (
        rng.lognormal(np.log(MEDIAN), SPREAD, characters // MEDIAN).astype(int).clip(200, 50_000)
    )
    cuts = np.cumsum(sizes)
    cuts = [0, *cuts[cuts < characters], characters]
    texts = [walk[start:stop] for start, stop in pairwise(cuts)]
    count = int(SHARE * len(texts))
    chosen = rng.permutation(len(texts))[: 2 * count]
    copies = [texts[n] for n in chosen[:count]]
    copies += [edited(texts[n], real, rng) for n in chosen[count:]]
    pairs = np.stack([chosen, len(texts) + np.arange(2 * count)], axis=1)
    order = rng.permutation(len(texts) + 2 * count)
    texts += copies
    pairs = np.argsort(order)[pairs]
    return Planted([texts[n] for n in order], pairs[:count], pairs[count:])


def edited(text: str, letters: str, rng: np.random.Generator) -> str:
    """One in 44 characters replaced, taken out or put in, at random places."""
    kept = list(text)
    for place in rng.choice(len(text), int(EDITS * len(text)), replace=False):
        letter = letters[rng.integers(len(letters))]
        kept[place] = (letter, "", kept[place] + letter)[rng.integers(3)]
    return "".join(kept)


def _walked(real: str, length: int, seed: int) -> str:
    codes = np.frombuffer(real.encode("utf-32-le"), dtype=np.uint32)
    contexts = codes[:-2].astype(np.uint64) << np.uint64(32) | codes[1:-1]
    order = np.argsort(contexts, kind="stable")
    ordered = contexts[order]
    low = np.searchsorted(ordered, contexts, side="left")
    high = np.searchsorted(ordered, contexts, side="right")
    return _walk(codes, order, low, high, length, seed).tobytes().decode("utf-32-le")


@njit(cache=True)
def _walk(codes, order, low, high, length, seed):
    """Characters (length,); after two characters goes one that follows them somewhere."""
    np.random.seed(seed)
    walked = np.empty(length, dtype=np.uint32)
    place = 0
    for number in range(length):
        if place >= len(low):
            place = np.random.randint(len(low))
        place = order[np.random.randint(low[place], high[place])]
        walked[number] = codes[place + 2]
        place += 1
    return walked
