"""Texts of many tokens that occur more than once, after Lee et al. 2022 (arXiv 2107.06499).

Every window of `window` tokens is looked up in all streams at once, and its real tokens compared,
so what is found is the set that a suffix array finds. Memory is bounded: where one table does not
hold all windows, they are split by their hash and the tokens are swept once for each part.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal, NamedTuple

import numpy as np

from medllm.data.dedup import windows
from medllm.data.dedup.spans import marked_spans
from medllm.data.dedup.windows import MULTIPLIER
from medllm.errors import ConfigError, DataError

Stream = tuple[np.ndarray, np.ndarray]  # ids (T,), and offsets (N + 1,) int64 of its documents

ENTRY = 12  # bytes of table per window: 8, and half as many again stay free
SLACK = 1024  # entries over that, for parts so small that their sizes differ
LARGEST = 8 << 32  # bytes of table; its slots are found by 32 bits of the hash
MOST_SWEEPS = 256  # beyond it, hashes of one sweep begin to agree in the bits the table keeps


class Repeats(NamedTuple):
    """What was found in S streams.

    spans: of each stream, (spans, 2) int64: tokens to leave out, half-open, sorted, disjoint.
    windows, repeated, removed: (S,) int64: windows of each stream, how many of them occur more
        than once in all streams together, and the tokens in its spans.
    collisions: how often two windows shared all that is kept of a hash, 24 bits and a
        neighbourhood in the table, and tokens had to tell them apart.
    sweeps: how often the tokens were gone through; more when memory is short.
    """

    spans: list[np.ndarray]
    windows: np.ndarray
    repeated: np.ndarray
    removed: np.ndarray
    collisions: int
    sweeps: int


@dataclass(frozen=True, kw_only=True)
class Exact:
    """Leave out tokens in texts that occur more than once, never across documents.

    With `keep="one"` each repeated window stays in the document with the smallest content hash
    (in the first of equal documents, and there at its first place) and leaves everywhere else, so
    the order of documents does not matter: the pieces that remain are the same. A token that
    leaves has a copy that stays. What overlaps itself, such as a long rule of dashes, shrinks to
    one period.

    What remains, each piece a document of its own, holds no repeated window, so a second pass
    finds nothing: as long as a window holds two characters, which 8 tokens always do where a
    character has at most 4.

    window: length in tokens from which a repeat counts; 50 in Lee et al.
    keep: "none" takes out every copy, as the released code of Lee et al. does; "one" leaves one.
    shortest: pieces left over with fewer tokens than this leave too, though nothing repeats them;
        1 keeps all. Documents in which nothing is repeated stay, however short.
    """

    window: int
    keep: Literal["one", "none"]
    shortest: int

    def __post_init__(self) -> None:
        problems = [
            f"exact.{name}={value} must be 1 or more tokens"
            for name, value in (("window", self.window), ("shortest", self.shortest))
            if value < 1
        ]
        if self.keep not in ("one", "none"):
            problems.append(f"exact.keep='{self.keep}' is not one of one, none")
        if problems:
            raise ConfigError(problems)

    def spans(
        self, streams: Sequence[Stream], *, starts_character: np.ndarray, memory: int
    ) -> list[np.ndarray]:
        """`Repeats.spans` of `find`."""
        return self.find(streams, starts_character=starts_character, memory=memory).spans

    def find(
        self, streams: Sequence[Stream], *, starts_character: np.ndarray, memory: int
    ) -> Repeats:
        """Repeats in all streams together.

        Args:
            streams: ids, arrays or memory maps of one dtype, and offsets into them.
            starts_character: (V,) bool, whether a token begins with a whole character. A span
                begins and ends before such a token, or at a border of its document.
            memory: bytes for what is kept besides the streams: 16 per document, 1/4 per token,
                and a table, of which 12 per window are enough to need only one sweep.

        Raises:
            DataError: an id that `starts_character` does not know.
            ConfigError: too little memory.
        """
        streams = [(_plain(ids), _plain(offsets)) for ids, offsets in streams]
        corpus = _corpus(streams, len(starts_character))
        counts = np.array([_windows(offsets, self.window) for _, offsets in streams], np.int64)
        marks = np.zeros((2, -(-int(corpus.first[-1]) // 8)), dtype=np.uint8)
        room = memory - sum(part.nbytes for part in (marks, corpus.borders, corpus.contents))
        sweeps, size = _sweeps(int(counts.sum()), room, memory)
        collisions = sum(
            windows.mark(
                corpus, self.window, part, sweeps, MULTIPLIER, np.zeros(size, np.uint64), *marks
            )
            for part in range(sweeps)
        )
        repeated, leaves = marks if self.keep == "one" else (marks[0], marks[0])
        spans = [
            marked_spans(*stream, leaves, first, self.window, starts_character, self.shortest)
            for stream, first in zip(streams, corpus.first, strict=False)
        ]
        return Repeats(
            spans=spans,
            windows=counts,
            repeated=np.array(
                [windows.count_bits(repeated, *ends) for ends in pairwise(corpus.first)]
            ),
            removed=np.array([np.diff(found).sum() for found in spans], np.int64),
            collisions=collisions,
            sweeps=sweeps,
        )


def _plain(array: np.ndarray) -> np.ndarray:
    """A view that cannot be written to; memory maps and arrays are then of one type to numba."""
    view = np.asarray(array).view()
    view.flags.writeable = False
    return view


def _corpus(streams: Sequence[Stream], vocabulary: int) -> windows.Corpus:
    """The streams laid end to end, with all borders in one array."""
    first = np.cumsum([0, *(len(ids) for ids, _ in streams)])
    hashes = []
    for number, (ids, offsets) in enumerate(streams):
        assert ids.dtype == streams[0][0].dtype, "streams of one tokenizer have one type of ids"
        assert (offsets[0], offsets[-1]) == (0, len(ids)), "documents fill their stream"
        contents, largest = windows.content_hashes(ids, offsets)
        if largest >= vocabulary:
            raise DataError(
                f"stream {number} holds the id {largest}, but the tokenizer has only {vocabulary} "
                "tokens; tokenise again with the tokenizer in use"
            )
        hashes.append(contents)
    borders = [start + offsets[:-1] for start, (_, offsets) in zip(first, streams, strict=False)]
    return windows.Corpus(
        ids=tuple(ids for ids, _ in streams),
        first=first,
        borders=np.concatenate([*borders, first[-1:]]),
        contents=np.concatenate(hashes),
    )


def _windows(offsets: np.ndarray, window: int) -> int:
    """Windows in the documents between `offsets`."""
    return int(np.maximum(np.diff(offsets) - window + 1, 0).sum())


def _sweeps(count: int, room: int, memory: int) -> tuple[int, int]:
    """Sweeps needed for `count` windows where the table may take `room` bytes, and its entries."""
    least = ENTRY * count // MOST_SWEEPS + 8 * SLACK
    if room < least:
        raise ConfigError(
            [
                f"memory={memory} bytes is too little to find exact repeats among {count} windows; "
                f"give at least {memory - room + least}"
            ]
        )
    sweeps = max(1, -(-ENTRY * count // (min(room, LARGEST) - 8 * SLACK + 1)))
    return sweeps, ENTRY * count // (8 * sweeps) + SLACK
