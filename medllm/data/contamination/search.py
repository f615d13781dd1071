"""The search: one pass over the units of many texts, runs of all lengths at once.

A run of a question, or enough of its shingles close together, make a place: where, and in which
text. Places are few, and are judged one by one in `judge`.
"""

import numba
import numpy as np

from medllm.data.contamination.fold import Units
from medllm.data.contamination.grams import number, power
from medllm.data.contamination.index import Index


def places(units: Units, sums: np.ndarray, index: Index) -> np.ndarray:
    """(P, 4) int64: number of what is sought, number of the text, first unit, end."""
    return _places(
        sums,
        units.borders,
        index.lengths,
        np.array([power(length) for length in index.lengths], np.uint64),
        index.filter,
        np.uint64(65 - len(index.filter).bit_length()),
        index.runs,
        index.starts,
        index.owners,
        index.alarms,
        index.fade,
    )


@numba.njit(cache=True)
def _places(
    sums, borders, lengths, powers, filter, shift, runs, starts, owners, alarms, fade
):  # fmt: skip
    found, size = np.empty((256, 4), np.int64), 0
    counted = np.zeros(len(alarms))  # hits of late, of each that is sought
    last = np.full(len(alarms), -1)
    first = np.zeros(len(alarms), np.int64)
    place = np.full(len(alarms), -1)  # the one that is growing
    for text in range(len(borders) - 1):
        for at in range(borders[text], borders[text + 1]):
            for which in range(len(lengths)):
                end = at + lengths[which]
                if end > borders[text + 1]:
                    break
                run = number(sums, at, lengths[which], powers[which])
                if not _may_be_there(run, filter, shift):
                    continue
                row = np.searchsorted(runs, run)
                if row == len(runs) or runs[row] != run:
                    continue
                for each in owners[starts[row] : starts[row + 1]]:
                    counted[each] -= (at - last[each]) * fade
                    if counted[each] <= 0 or last[each] < borders[text]:
                        counted[each], first[each], place[each] = 0, at, -1
                    counted[each] += 1
                    last[each] = at
                    if place[each] >= 0:
                        found[place[each], 3] = max(end, found[place[each], 3])
                    elif which > 0 or counted[each] >= alarms[each]:
                        if size == len(found):
                            found = np.concatenate((found, np.empty_like(found)))
                        found[size] = each, text, first[each], end
                        place[each] = size
                        size += 1
    return found[:size]


@numba.njit(inline="always")
def _may_be_there(run, filter, shift):
    """Whether both bits of a run are set, see `index._filter`."""
    word, one, six = filter[run >> shift], np.uint64(1), np.uint64(6)
    return (word >> (run & np.uint64(63))) & (word >> ((run >> six) & np.uint64(63))) & one != 0
