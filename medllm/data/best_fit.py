"""Best-fit decreasing, compiled: the row that each piece goes to."""

import numba
import numpy as np


@numba.njit(cache=True)
def rows_of(lengths: np.ndarray, seq_len: int) -> np.ndarray:
    """(N,) int64: each piece goes to the fullest row that still takes it, else to a new one.

    Rows with the same room left form a stack; `rooms` has a bit for every room that some row
    has, so that the next larger one is found 64 at a time.

    Args:
        lengths: (N,) int64, descending, each at most `seq_len`.
        seq_len: tokens of the longest row.
    """
    rows = np.empty(len(lengths), dtype=np.int64)
    below = np.full(len(lengths) + 1, -1, dtype=np.int64)  # the next row of the same stack
    top = np.full(seq_len + 1, -1, dtype=np.int64)  # per room
    rooms = np.zeros(seq_len // 64 + 1, dtype=np.uint64)
    one = np.uint64(1)
    count = 0
    for at in range(len(lengths)):
        room = _next_room(rooms, lengths[at])
        if room < 0:
            row, room = count, seq_len
            count += 1
        else:
            row = top[room]
            top[room] = below[row]
            if top[room] < 0:
                rooms[room >> 6] ^= one << np.uint64(room & 63)
        rows[at] = row
        left = room - lengths[at]
        if left:
            below[row] = top[left]
            top[left] = row
            rooms[left >> 6] |= one << np.uint64(left & 63)
    return rows


@numba.njit(cache=True)
def _next_room(rooms: np.ndarray, length: int) -> int:
    """The smallest room of at least `length` that some row has; -1 for none."""
    word = length >> 6
    bits = rooms[word] >> np.uint64(length & 63)
    if bits:
        return length + _lowest(bits)
    for later in range(word + 1, len(rooms)):
        if rooms[later]:
            return (later << 6) + _lowest(rooms[later])
    return -1


@numba.njit(cache=True)
def _lowest(bits: np.uint64) -> int:
    """Number of the lowest bit set."""
    at = 0
    while not bits & np.uint64(1):
        bits >>= np.uint64(1)
        at += 1
    return at
