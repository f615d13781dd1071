"""What `medllm status` shows, at every width."""

import io
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from medllm.report.status import Row, as_plain
from medllm.report.status_find import Found, Listed
from medllm.report.status_survey import Survey
from medllm.report.status_table import bar, rendered

UNKNOWN = {
    **dict.fromkeys(("step", "steps", "loss", "tokens_per_second", "mfu", "seconds_left")),
    **{"job": None, "log": None, "note": "", "error": "", "node": ""},
    **{"restarts": 0, "device_seconds": 0.0, "is_unscored": False},
}


def row(run="world/cpt/1a2b3c4d", state="running", **known):
    facts: dict[str, Any] = {**UNKNOWN, **known}
    return Row(id=run, folder=Path("runs") / run, state=state, **facts)


def shown(*rows, width=200, most=None, remarks=(), skipped=(), places=None):
    listed = places or [Listed(row.id) for row in rows]
    out = io.StringIO()
    seen = Survey(Found(listed, skipped), [], rows, remarks)
    Console(file=out, width=width).print(rendered(seen, width=width, most=most))
    return [line.rstrip() for line in out.getvalue().splitlines()]


FULL = row(
    step=57, steps=100, loss=2.5, tokens_per_second=48211.4, mfu=0.431, seconds_left=7300.0,
    restarts=1, job="12", node="sn1", note="silent for 12 min",
    log=Path("runs/world/cpt/1a2b3c4d/jobs/slurm-12.log"),
)  # fmt: skip
FAILED = row(
    "world/cpt/99887766", "failed", step=12, steps=100, note="job 13 ended: failed",
    error="Diverged at step 12: the loss is not a number",
    log=Path("runs/world/cpt/99887766/jobs/slurm-13.log"),
)  # fmt: skip


def test_everything_is_shown_where_there_is_room():
    head, line = shown(FULL)[3:]
    assert head.split() == [
        "run", "state", "done", "loss", "tokens/s", "MFU", "left", "restarts", "job", "node",
        "why", "log",
    ]  # fmt: skip
    assert line.split() == [
        "world/cpt/1a2b3c4d", "running", "57/100", "████░░░░", "2.500", "48.2k", "43.1", "%",
        "2h01m", "1", "12", "sn1", "silent", "for", "12", "min", "jobs/slurm-12.log",
    ]  # fmt: skip


@pytest.mark.parametrize("width", [40, 60, 80, 100, 120, 200])
def test_no_line_is_wider_than_the_terminal_and_no_row_takes_two(width):
    lines = shown(FULL, FAILED, width=width)
    assert max(map(len, lines)) <= width
    assert sum("running" in line for line in lines[2:]) == 1


def test_in_80_characters_a_run_still_has_its_state_step_loss_and_time_left():
    head, line = shown(FULL, width=80)[3:]
    assert head.split() == ["run", "state", "done", "loss", "left", "why"]
    words = ["world/cpt/1a2b3c4d", "running", "57/100", "████░░░░", "2.500", "2h01m"]
    assert line.split()[:6] == words


def test_where_there_is_hardly_room_a_run_keeps_its_digest():
    assert shown(row("world/of/many/words/1a2b3c4d"), width=24)[-1] == "…words/1a2b3c4d  running"


def test_a_column_that_nobody_has_anything_in_is_not_there():
    assert shown(row())[3].split() == ["run", "state"]


def test_the_summary_counts_and_never_says_all_is_done_too_early():
    """199 of 200 runs done: 99.5 %. 3 h 12 min of devices."""
    rows = [row(f"a/{n:08x}", "done", device_seconds=57.6) for n in range(199)]
    assert shown(*rows, row(state="queued", device_seconds=57.6))[:2] == [
        "200 runs: 199 done, 1 queued",
        "███████████████████████░ 99 %   3.2 device-hours",
    ]
    assert shown() == ["no runs"]


def test_a_run_that_went_wrong_has_its_whole_error_and_log_below():
    assert shown(FAILED, width=80)[-3:] == [
        "world/cpt/99887766 failed: Diverged at step 12: the loss is not a number; job 13",
        "ended: failed",
        "  runs/world/cpt/99887766/jobs/slurm-13.log",
    ]


def test_of_many_that_went_wrong_six_are_told():
    rows = [row(f"a/{n:08x}", "failed", error="x") for n in range(8)]
    assert shown(*rows)[-1] == "... and 2 more went wrong"


def test_where_not_all_rows_fit_the_urgent_ones_are_kept():
    rows = [row("a/00000001", "done"), row("a/00000002", "queued"), row("a/00000003", "failed")]
    lines = shown(*rows, most=2)
    assert [line.split()[0] for line in lines[4:6]] == ["a/00000002", "a/00000003"]
    assert "... and 1 more" in lines


def test_a_run_of_a_recipe_stands_beside_its_step_and_point():
    head, line = shown(row(), places=[Listed("world/cpt/1a2b3c4d", "books", "cpt")])[3:]
    assert head.split()[:3] == ["step", "point", "run"]
    assert line.split()[:3] == ["cpt", "books", "world/cpt/1a2b3c4d"]


def test_what_a_run_says_is_no_markup():
    assert "[red]no[/oops]" in shown(row(note="[red]no[/oops]"))[-1]


def test_an_error_of_several_lines_stays_in_its_row():
    lines = shown(row(state="stopped", note="a\nb"))
    assert "a b" in lines[-1]


@pytest.mark.parametrize("left", [float("nan"), float("inf"), -5.0])
def test_a_time_left_that_is_no_time_is_not_shown(left):
    assert shown(row(seconds_left=left))[3].split() == ["run", "state"]


def test_what_was_passed_over_and_what_could_not_be_asked_come_last():
    lines = shown(row(), skipped=["notes: holds no run"], remarks=["Slurm cannot be asked"])
    assert lines[-2:] == ["passed over notes: holds no run", "Slurm cannot be asked"]


def test_a_bar_is_full_only_at_the_end():
    assert [bar(share, 4) for share in (0, 0.5, 0.99, 1)] == ["░░░░", "██░░", "███░", "████"]


def test_a_row_is_plain_for_other_programs():
    plain = as_plain(FULL)
    assert plain["folder"] == str(Path("runs/world/cpt/1a2b3c4d").absolute())
    assert plain["log"].endswith("/1a2b3c4d/jobs/slurm-12.log")
    assert (plain["state"], plain["mfu"]) == ("running", 0.431)
