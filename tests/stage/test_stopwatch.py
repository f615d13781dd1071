"""What is training time and what is not. A busy machine wakes us late, but not by so much."""

import time

from medllm.stage.stopwatch import Stopwatch

SHORT, LONG = 0.1, 0.5  # seconds


def test_a_watch_that_was_not_started_tells_nothing():
    watch = Stopwatch()
    with watch.paused():
        time.sleep(SHORT)
    assert watch.lap() == 0.0


def test_a_pause_is_left_out():
    watch = Stopwatch()
    watch.start()
    with watch.paused():
        time.sleep(LONG)
    time.sleep(SHORT)
    assert SHORT <= watch.lap() < LONG


def test_a_lap_begins_where_the_last_one_ended():
    watch = Stopwatch()
    watch.start()
    time.sleep(LONG)
    watch.lap()
    assert watch.lap() < LONG
