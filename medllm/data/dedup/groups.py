"""Which texts belong together, and which comparisons need not be made."""

import numpy as np
from numba import njit

PATIENCE = 256  # refusals after which a text is left alone


class Groups:
    """Groups of the numbers below `count`, each alone at first.

    The root of a group is its largest number.
    """

    def __init__(self, count: int) -> None:
        self._parent = np.arange(count)
        self._refused = np.empty(0, dtype=np.int64)  # sorted
        self._refusals = np.zeros(count, dtype=np.int32)

    def undecided(self, pairs: np.ndarray) -> np.ndarray:
        """Those of `pairs` (P, 2) worth comparing: not in one group, and not refused before.

        Nor with a number that was refused `PATIENCE` times: it may be one of very many texts of
        one form, each of which would be compared with all others.
        """
        apart = self.roots(pairs[:, 0]) != self.roots(pairs[:, 1])
        promising = (self._refusals[pairs] < PATIENCE).all(axis=1)
        pairs = pairs[apart & promising]
        keys = self._keys(pairs)
        at = np.searchsorted(self._refused, keys)
        return pairs[at == np.searchsorted(self._refused, keys, side="right")]

    def decide(self, pairs: np.ndarray, alike: np.ndarray) -> None:
        """Join the pairs that are alike, (P,) bool, and remember the others."""
        _join(self._parent, pairs[alike])
        np.add.at(self._refusals, pairs[~alike], 1)
        refused = np.sort(self._keys(pairs[~alike]))
        self._refused = np.insert(self._refused, np.searchsorted(self._refused, refused), refused)

    def roots(self, numbers: np.ndarray) -> np.ndarray:
        """The root of each number's group."""
        return _roots(self._parent, numbers)

    def _keys(self, pairs: np.ndarray) -> np.ndarray:
        return pairs[:, 0] * len(self._parent) + pairs[:, 1]


@njit(cache=True, nogil=True)
def _root(parent, number):
    while parent[number] != number:
        parent[number] = parent[parent[number]]
        number = parent[number]
    return number


@njit(cache=True, nogil=True)
def _roots(parent, numbers):
    roots = np.empty(len(numbers), dtype=np.int64)
    for place, number in enumerate(numbers):
        roots[place] = _root(parent, number)
    return roots


@njit(cache=True, nogil=True)
def _join(parent, pairs):
    for pair in pairs:
        first, second = _root(parent, pair[0]), _root(parent, pair[1])
        parent[min(first, second)] = max(first, second)
