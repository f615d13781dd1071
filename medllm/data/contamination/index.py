"""All that is looked for in texts of one script, laid out for the search."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from medllm.data.contamination.fold import Script
from medllm.data.contamination.sought import FADE, SHINGLE, Sought

BITS = 16  # of the filter per run; 1 of 50 other runs passes it


@dataclass(frozen=True)
class Index:
    """From runs to the sought that have them.

    lengths: (K,) of all runs, ascending; the first is that of shingles.
    filter: which runs may be there, see `search`.
    runs: (R,) ascending.
    starts: (R + 1,) run r belongs to the sought owners[starts[r] : starts[r + 1]].
    alarms: (S,) of the sought.
    fade: what each unit takes from the hits counted so far.
    """

    script: Script
    sought: Sequence[Sought]
    lengths: np.ndarray
    filter: np.ndarray
    runs: np.ndarray
    starts: np.ndarray
    owners: np.ndarray
    alarms: np.ndarray
    fade: float


def index(sought: Sequence[Sought], script: Script, *, near: float) -> Index:
    """The index of all that is sought, where edited copies keep the share `near`."""
    mine = [np.concatenate([each.shingles, each.runs]) for each in sought]
    runs = np.concatenate([np.empty(0, np.uint64), *mine])
    owners = np.repeat(np.arange(len(mine)), [len(each) for each in mine])
    order = np.argsort(runs, kind="stable")
    distinct, starts = np.unique(runs[order], return_index=True)
    lengths = {SHINGLE[script], *(each.length for each in sought if len(each.runs))}
    return Index(
        script=script,
        sought=sought,
        lengths=np.array(sorted(lengths)),
        filter=_filter(distinct),
        runs=distinct,
        starts=np.append(starts, len(runs)),
        owners=owners[order],
        alarms=np.array([each.alarm for each in sought], dtype=float),
        fade=FADE * near,
    )


def _filter(runs: np.ndarray) -> np.ndarray:
    """(2**w,) uint64: two bits for each run in the word that its first bits name."""
    width = max(int(len(runs) * BITS / 64).bit_length(), 10)
    filter = np.zeros(1 << width, np.uint64)
    one, six, last = np.uint64(1), np.uint64(6), np.uint64(63)
    bits = (one << (runs & last)) | (one << ((runs >> six) & last))
    np.bitwise_or.at(filter, runs >> np.uint64(64 - width), bits)
    return filter
