"""The rows of a source: a plan over its tokens, read through memory maps.

    <stores>/rows/<name>-<digest>/
        starts.npy stops.npy    (P,) int64, pieces of the token stream
        borders.npy             (R + 1,) int64, where each row begins among the pieces
        learnt.npy              (R,) int64, targets of each row that are learnt
        left_out.jsonl          examples in which no row has anything to learn
        manifest.json           what it was made of, and all that was left out on the way

A row of another length or packing is another plan over the same tokens. A pair takes two
rows, 2i chosen and 2i + 1 rejected.
"""

from pathlib import Path

import numpy as np

from medllm.data import folder as folders
from medllm.data.pack import Row
from medllm.data.tokens import TokenStore
from medllm.types import IGNORE


class Store:
    """The entries of one source: rows, or examples that are packed after mixing.

    lengths: (N,) int64, tokens of each entry.
    learnt: (N,) int64, targets of each entry that are not IGNORE.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.manifest = folders.manifest(folder)
        self.tokens = TokenStore(folder.parent.parent / "tokens" / self.manifest["tokens_folder"])
        self.is_pairs: bool = self.tokens.is_pairs
        self._starts, self._stops, self._borders, self.learnt = (
            np.load(folder / f"{name}.npy") for name in ("starts", "stops", "borders", "learnt")
        )
        ends = np.concatenate([[0], np.cumsum(self._stops - self._starts)])
        self.lengths = np.diff(ends[self._borders])

    def __len__(self) -> int:
        """Rows, or pairs."""
        return len(self.lengths) // 2 if self.is_pairs else len(self.lengths)

    def entry(self, number: int) -> Row:
        """ids, targets and positions of one entry."""
        pieces = slice(self._borders[number], self._borders[number + 1])
        # Of running text every token is a target, so nobody need look.
        learnt = None if self.tokens.is_text else self.tokens.learnt
        return row(self.tokens.ids, learnt, self._starts[pieces], self._stops[pieces])

    def examples(self, number: int) -> np.ndarray:
        """Numbers in the corpus, ascending, of the examples an entry has tokens of."""
        pieces = slice(self._borders[number], self._borders[number + 1])
        first = np.searchsorted(self.tokens.offsets, self._starts[pieces], side="right") - 1
        last = np.searchsorted(self.tokens.offsets, self._stops[pieces], side="left")
        found = [self.tokens.numbers[a:b] for a, b in zip(first, last, strict=True)]
        return np.unique(np.concatenate(found))


def row(ids: np.ndarray, learnt: np.ndarray | None, starts: np.ndarray, stops: np.ndarray) -> Row:
    """Pieces end to end; the last target of each is IGNORE, as nothing beyond it is seen.

    Args:
        ids: (T,) of the stream.
        learnt: (T,) uint8, whether a token is a target; None if all are.
        starts: (P,) int64 of the pieces.
        stops: (P,) int64.
    """
    lengths = stops - starts
    ends = np.cumsum(lengths)
    positions = np.arange(ends[-1], dtype=np.int32)
    if len(starts) > 1:
        positions -= np.repeat(ends - lengths, lengths).astype(np.int32)
    if (starts[1:] == stops[:-1]).all():  # one stretch, as most rows of running text are
        where: slice | np.ndarray = slice(starts[0], stops[-1])
    else:
        where = positions + np.repeat(starts, lengths)
    read = ids[where].astype(np.int32)
    targets = np.empty_like(read)
    targets[:-1] = read[1:]
    if learnt is not None:
        targets[:-1][learnt[where][1:] == 0] = IGNORE
    targets[ends - 1] = IGNORE
    return Row(read, targets, positions)
