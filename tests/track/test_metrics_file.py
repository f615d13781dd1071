"""metrics.csv through restarts."""

import csv

from medllm.track import MetricsFile


def rows(run_dir):
    with (run_dir / "metrics.csv").open() as file:
        return list(csv.DictReader(file))


def losses(run_dir):
    return [(row["step"], row["train/loss"]) for row in rows(run_dir)]


def written(run_dir, *, steps, start=0, loss=2.0):
    file = MetricsFile(run_dir, start=start)
    for step in steps:
        file.log_metrics({"train/loss": loss}, step=step)
    return file


def test_columns_may_come_later_and_stay_empty_where_not_logged(tmp_path):
    log = MetricsFile(tmp_path)
    log.log_metrics({"train/loss": 2.0}, step=0)
    log.log_metrics({"train/loss": 1.5, "heldout/general/bits_per_byte": 3.0}, step=10)
    assert rows(tmp_path) == [
        {"step": "0", "train/loss": "2.0", "heldout/general/bits_per_byte": ""},
        {"step": "10", "train/loss": "1.5", "heldout/general/bits_per_byte": "3.0"},
    ]


def test_a_run_taken_up_again_keeps_its_past_less_what_it_repeats(tmp_path):
    written(tmp_path, steps=(0, 10, 20, 30))
    written(tmp_path, steps=(20, 30), start=10, loss=1.0)
    assert losses(tmp_path) == [("0", "2.0"), ("10", "2.0"), ("20", "1.0"), ("30", "1.0")]


def test_nothing_stale_stays_where_the_next_reading_is_far(tmp_path):
    """Saved at 15 and killed at 30: the row of 20 is of the past that did not happen."""
    written(tmp_path, steps=(0, 10, 20, 30))
    written(tmp_path, steps=(40,), start=15, loss=1.0)
    assert losses(tmp_path) == [("0", "2.0"), ("10", "2.0"), ("40", "1.0")]


def test_a_run_that_starts_again_from_nothing_has_no_past(tmp_path):
    written(tmp_path, steps=(0, 10, 20))
    written(tmp_path, steps=(0,), loss=1.0)
    assert losses(tmp_path) == [("0", "1.0")]


def test_rows_are_counted_with_those_of_the_past(tmp_path):
    assert written(tmp_path, steps=(0, 10, 20)).count == 3
    assert written(tmp_path, steps=(20, 30, 40), start=10).count == 5


def test_a_line_that_was_cut_off_is_no_row(tmp_path):
    written(tmp_path, steps=(0, 10))
    with (tmp_path / "metrics.csv").open("a") as file:
        file.write("2")  # of "20,2.0"
    written(tmp_path, steps=(30,), start=10)
    assert [step for step, _ in losses(tmp_path)] == ["0", "10", "30"]
