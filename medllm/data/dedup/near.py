"""Texts that are nearly the same, after Lee et al. 2022 (arXiv 2107.06499).

    texts -> distinct texts -> bands -> neighbours -> confirmed -> components -> one is kept
             equal ones are    MinHash  in a sorted   Jaccard,     union-find    the longest
             one text                   band          edits

Distinct texts are ranked by length, then by a hash of their content. Everything after that sees
ranks alone, so neither the order of the texts nor the number of workers shows in the result.
"""

from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from hashlib import blake2b
from typing import Literal, NamedTuple

import numpy as np

from medllm.data.dedup import minhash
from medllm.data.dedup.confirm import are_similar
from medllm.data.dedup.groups import Groups
from medllm.errors import ConfigError

REACH = 16  # neighbours in a sorted band with which a text is compared
PER_TEXT = 96  # bytes of arrays that hold a number or two per text
CHUNK = 1 << 20  # characters of text at hand in each thread, and in one round of comparisons


class Distinct(NamedTuple):
    """Texts with equal ones taken together; R of N are distinct.

    rank: (N,) of each text. first, lengths: (R,) the number of the first text of each rank, and
    its length in characters, ascending; of equally long texts the hash decides.
    """

    rank: np.ndarray
    first: np.ndarray
    lengths: np.ndarray


@dataclass(frozen=True, kw_only=True)
class Near:
    """Groups of texts above two similarities, found by MinHash and confirmed one by one.

    Guaranteed: equal texts are always in one group, and no two texts are joined that are not
    similar, or linked by a chain of similar ones. Two similar texts are compared if they agree
    in a band (see `recall`) in which at most 16 distinct texts agree. Where more do, as in form
    letters, each is compared with the 16 next in length, and with no more once 256 were not
    similar; so time grows with the number of texts however many agree.

    bands, rows: of the signature; 450 and 20 in Lee et al. Libraries differ in their order.
    shingle: units in a shingle; 5. A shorter text is one shingle.
    unit: "character" for Chinese, "word" for English; "auto" takes each character of scripts
        without spaces for a word.
    jaccard, edit: both similarities must exceed these; 0.8.
    shortest: characters below which texts are only taken together if they are equal: "X is a
        disease" says something else of every X, and differs from the next in a word.
    seed: of the hash functions.
    """

    bands: int
    rows: int
    shingle: int
    unit: Literal["character", "word", "auto"]
    jaccard: float
    edit: float
    shortest: int
    seed: int

    def __post_init__(self) -> None:
        counts = {name: getattr(self, name) for name in ("bands", "rows", "shingle")}
        shares = {name: getattr(self, name) for name in ("jaccard", "edit")}
        problems = [f"near.{n}={v} must be 1 or more" for n, v in counts.items() if v < 1]
        problems += [
            f"near.{n}={v} must lie in [0, 1]" for n, v in shares.items() if not 0 <= v <= 1
        ]
        if self.unit not in minhash.UNITS:
            problems.append(f"near.unit='{self.unit}' is not one of {', '.join(minhash.UNITS)}")
        if not problems and self.recall(self.jaccard) < 0.5:
            problems.append(
                f"near.bands={self.bands} of near.rows={self.rows} miss more than half of the "
                f"pairs at near.jaccard={self.jaccard}; are bands and rows swapped?"
            )
        if problems:
            raise ConfigError(problems)

    def recall(self, jaccard: float) -> float:
        """Chance that two texts of this similarity agree in a band."""
        return 1 - (1 - jaccard**self.rows) ** self.bands

    def components(self, texts: Sequence[str], *, workers: int, memory: int) -> np.ndarray:
        """For each text the number of the text of its group that is kept; its own if it is.

        Kept is the longest, of equally long ones that with the larger hash, of equal ones the
        first.

        Args:
            texts: read through once, and once more per pass over the bands; those that may be
                similar are also read by number.
            workers: threads.
            memory: bytes for all that grows with the number of texts: 96 each, and 8 per band
                of a pass. On top come the texts at hand, about 30 MB per worker or the longest
                text, and 8 bytes per pair that was not similar, of which a text has some 128 at
                most.

        Returns:
            (N,) int64.

        Raises:
            ConfigError: too little memory for one band.
        """
        distinct = _distinct(texts)
        groups = Groups(len(distinct.first))
        for band in self._bands(texts, distinct, workers, memory):
            band.sort()
            for reach in (range(1, 2), range(2, REACH + 1)):  # most are joined by the first
                self._join(groups, _neighbours(band, reach), texts, distinct, workers)
        return distinct.first[groups.roots(distinct.rank)]

    def _join(
        self,
        groups: Groups,
        pairs: np.ndarray,
        texts: Sequence[str],
        distinct: Distinct,
        workers: int,
    ) -> None:
        """Compare those of `pairs`, of ranks, that might be alike, and join those that are."""
        shorter, longer = distinct.lengths[pairs].T
        might = (shorter > self.edit * longer) & (shorter >= self.shortest)
        pairs = groups.undecided(pairs[might])
        rounds = np.cumsum(distinct.lengths[pairs].sum(axis=1)) // CHUNK
        for some in np.split(pairs, np.flatnonzero(np.diff(rounds)) + 1):
            alike = are_similar(
                texts,
                distinct.first[some],
                unit=self.unit,
                shingle=self.shingle,
                jaccard=self.jaccard,
                edit=self.edit,
                workers=workers,
            )
            groups.decide(some, alike)

    def _bands(
        self, texts: Sequence[str], distinct: Distinct, workers: int, memory: int
    ) -> Iterator[np.ndarray]:
        """(R,) uint64 for each band: keys of the ranks; as many at a time as memory allows."""
        count = len(distinct.first)
        at_once = (memory - PER_TEXT * len(texts)) // (8 * count) if count else self.bands
        if at_once < 1:
            raise ConfigError(
                [
                    f"memory={memory} bytes is too little to find near-duplicates among "
                    f"{len(texts)} texts; give at least {PER_TEXT * len(texts) + 8 * count}"
                ]
            )
        drawn = np.random.default_rng(self.seed).integers(
            1 << 32, size=(2, self.bands * self.rows), dtype=np.uint32
        )
        for start in range(0, self.bands, at_once):
            hashes = drawn[:, start * self.rows : (start + at_once) * self.rows]
            keys = np.empty((hashes.shape[1] // self.rows, count), dtype=np.uint64)
            with ThreadPoolExecutor(workers) as pool:
                waiting: deque[Future[None]] = deque()
                for ranks, held in _chunks(texts, distinct):
                    waiting.append(pool.submit(self._sign, held, ranks, hashes, keys))
                    if len(waiting) > workers:
                        waiting.popleft().result()
                for future in waiting:
                    future.result()
            yield from keys

    def _sign(
        self, texts: list[str], ranks: np.ndarray, hashes: np.ndarray, keys: np.ndarray
    ) -> None:
        codes = minhash.codes("".join(texts))
        offsets = np.cumsum([0, *map(len, texts)])
        unit, (factors, terms) = minhash.UNITS[self.unit], hashes
        minhash.band_keys(
            codes, offsets, ranks, unit, self.shingle, factors, terms, self.rows, keys
        )


def _distinct(texts: Sequence[str]) -> Distinct:
    digests = np.empty((len(texts), 2), dtype=np.uint64)
    lengths = np.empty(len(texts), dtype=np.int64)
    for number, text in enumerate(texts):
        digest = blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).digest()
        digests[number] = np.frombuffer(digest, dtype=np.uint64)
        lengths[number] = len(text)
    order = np.lexsort((digests[:, 1], digests[:, 0], lengths))  # stable: equal ones by number
    new = np.ones(len(texts), dtype=bool)
    new[1:] = (digests[order[1:]] != digests[order[:-1]]).any(axis=1)
    rank = np.empty(len(texts), dtype=np.int64)
    rank[order] = np.cumsum(new) - 1
    return Distinct(rank, order[new], lengths[order[new]])


def _chunks(texts: Sequence[str], distinct: Distinct) -> Iterator[tuple[np.ndarray, list[str]]]:
    """The first text of each rank, in the order of the texts, many at a time."""
    numbers: list[int] = []
    held: list[str] = []
    size = 0
    for number, text in enumerate(texts):
        if distinct.first[distinct.rank[number]] != number:
            continue
        numbers.append(number)
        held.append(text)
        size += len(text)
        if size >= CHUNK:
            yield distinct.rank[numbers], held
            numbers, held, size = [], [], 0
    if held:
        yield distinct.rank[numbers], held


def _neighbours(band: np.ndarray, reach: range) -> np.ndarray:
    """Pairs (P, 2) of ranks that agree in a sorted band and are `reach` places apart; sorted."""
    bits = np.uint64(minhash.column_bits(len(band)))
    found = [np.empty((0, 2), dtype=np.int64)]
    for apart in reach:
        places = np.flatnonzero((band[apart:] ^ band[:-apart]) >> bits == 0)
        if not len(places):
            break
        keys = np.stack([band[places], band[places + apart]], axis=1)
        found.append((keys & ((np.uint64(1) << bits) - np.uint64(1))).astype(np.int64))
    pairs = np.concatenate(found)
    return pairs[np.lexsort((pairs[:, 1], pairs[:, 0]))]
