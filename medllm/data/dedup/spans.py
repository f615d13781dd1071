"""From marked windows to the spans of tokens that are left out."""

import numpy as np
from numba import njit

from medllm.data.dedup.windows import is_set


def marked_spans(ids, offsets, leaves, first, window, starts_character, shortest):
    """The spans (S, 2) int64 to leave out of one stream, whose first token is at place `first`.

    Windows that overlap or touch make one span. Its borders move inwards to where a character
    begins, and outwards again over a piece of fewer than `shortest` tokens.
    """
    found = np.empty((0, 2), dtype=np.int64)
    arguments = (ids, offsets, leaves, first, window, starts_character, shortest)
    found = np.empty((_spans(*arguments, found), 2), dtype=np.int64)
    _spans(*arguments, found)
    return found


@njit(cache=True, nogil=True)
def _spans(ids, offsets, leaves, first, window, starts_character, shortest, found):
    """Write spans to `found` as far as there is room; how many there are."""
    count = 0
    for document in range(len(offsets) - 1):
        begin, stop = offsets[document], offsets[document + 1]
        last = stop - window
        held_start, held_end = begin, begin
        start, end = _next_span(leaves, first, begin, last, window)
        while start >= 0:
            following = end
            while start > begin and start < end and not starts_character[ids[start]]:
                start += 1
            while end < stop and start < end and not starts_character[ids[end]]:
                end -= 1
            if start < end and start - held_end < shortest:
                held_end = end
            elif start < end:
                count += _write(found, count, held_start, held_end)
                held_start, held_end = start, end
            start, end = _next_span(leaves, first, following, last, window)
        if held_end > begin and stop - held_end < shortest:
            held_end = stop
        count += _write(found, count, held_start, held_end)
    return count


@njit(cache=True, nogil=True)
def _next_span(leaves, first, place, last, window):
    """The first span from `place` on that marked windows cover without a gap, or (-1, -1)."""
    while place <= last and not is_set(leaves, first + place):
        place += 1
    if place > last:
        return -1, -1
    start = end = place
    while place <= min(end, last):
        if is_set(leaves, first + place):
            end = place + window
        place += 1
    return start, end


@njit(cache=True, nogil=True)
def _write(found, count, start, end):
    """Write a span that is not empty, if there is room; how many were to be written."""
    if start == end:
        return 0
    if count < len(found):
        found[count, 0], found[count, 1] = start, end
    return 1
