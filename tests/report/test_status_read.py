"""A run folder may be torn, foreign or unreadable at any moment."""

import os
import pwd
import tempfile
from contextlib import contextmanager
from pathlib import Path

import pytest

from medllm.journal import Journal
from medllm.report.status import row
from medllm.report.status_read import read
from tests.run_folders import HERE, RunFolder, ago


def told(run):
    return row(read(run.runs, run.id), {}, HERE)


def test_a_run_is_told_as_its_journal_says(tmp_path):
    run = RunFolder(tmp_path)
    journal = Journal(run.path)
    number = journal.started(step=0, processes=2)
    figures = {"loss": 2.25, "tokens_per_second": 1000.0, "mfu": 0.4, "seconds_left": 5}
    journal.progressed({"step": 10, "steps": 100, **figures})
    journal.failed(step=12, kind="Diverged", message="the loss is not a number\nat all")
    journal.ended(number, step=12, why="failed")
    found = told(run)
    assert found.state == "failed"
    assert found.error == "Diverged at step 12: the loss is not a number"
    assert (found.step, found.steps, found.loss, found.mfu) == (10, 100, 2.25, 0.4)
    assert found.restarts == 0


def test_attempts_count_as_restarts_and_their_time_as_device_hours(tmp_path):
    """Half an hour of two processes, then an hour less a minute of two: 10,680 s."""
    run = RunFolder(tmp_path).started(at=ago(hours=3)).ended(at=ago(hours=2, minutes=30))
    run.started(2, at=ago(hours=1)).progressed(at=ago(minutes=1))
    found = told(run)
    assert found.restarts == 1
    assert found.device_seconds == 2 * 1800 + 2 * 3540


@pytest.mark.parametrize(
    "name", ["done.json", "progress.json", "error.json", "job.json", "attempts.jsonl"]
)
@pytest.mark.parametrize("content", [b'{"step": 1', b"", b"\xff\xfe\x00", b"[1, 2]", b"\x00" * 64])
def test_a_torn_file_counts_as_absent_and_is_told(name, content, tmp_path):
    run = RunFolder(tmp_path)
    (run.path / name).write_bytes(content)
    found = told(run)
    assert found.state == ("done" if name == "done.json" else "not started")
    is_text = b"\xff" not in content
    why = "is not whole" if is_text else "cannot be read: it is not text"
    # of a file of lines, one that is torn is passed over: its run was killed
    assert found.note == ("" if name == "attempts.jsonl" and is_text else f"{name} {why}")


@pytest.mark.parametrize("value", ["many", None, [], {}, True, 1e400, 10**400, "nan"])
def test_figures_of_other_kinds_are_not_told(value, tmp_path):
    figures = ("step", "steps", "loss", "tokens_per_second", "mfu", "seconds_left", "time")
    run = RunFolder(tmp_path).put("progress.json", dict.fromkeys(figures, value))
    run.put("job.json", {"id": value, "line": value, "time": value, "after": value})
    run.put("error.json", dict.fromkeys(("kind", "message", "step"), value))
    run.put("attempts.jsonl", {"attempt": 1, "started": value, "pid": value, "host": value})
    found = told(run)
    assert found.mfu is None


def test_a_folder_without_config_is_told_as_such(tmp_path):
    run = RunFolder(tmp_path)
    (run.path / "config.yaml").unlink()
    assert (told(run).state, told(run).note) == ("not started", "no config.yaml")


def test_a_run_of_a_recipe_may_have_no_folder_yet(tmp_path):
    found = row(read(tmp_path, "world/sft/00000009"), {}, HERE)
    assert (found.state, found.note) == ("not started", "")


def test_a_file_where_a_folder_should_be_is_told(tmp_path):
    run = RunFolder(tmp_path)
    (run.path / "progress.json").mkdir()
    assert told(run).note == "progress.json cannot be read: is a directory"
    (tmp_path / "world" / "cpt" / "2b3c4d5e").write_text("")
    found = row(read(tmp_path, "world/cpt/2b3c4d5e"), {}, HERE)
    assert found.note == "its folder cannot be read: not a directory"


def test_the_newest_log_is_named(tmp_path):
    run = RunFolder(tmp_path).put("launch.log", "", at=ago(hours=2))
    assert told(run).log == run.path / "launch.log"
    run.put("jobs/slurm-3.log", "", at=ago(hours=1)).put("jobs/slurm-2.log", "", at=ago(hours=3))
    assert told(run).log == run.path / "jobs" / "slurm-3.log"


def test_a_folder_of_somebody_else_is_told_and_breaks_nothing():
    """Root may read everything, so the looking is done as nobody where the tests run as root."""
    with tempfile.TemporaryDirectory() as place:  # nobody may not enter pytest's own folders
        Path(place).chmod(0o755)
        run = RunFolder(Path(place), "a/00000001").put("done.json", "{}")
        run.path.chmod(0)
        with as_nobody():
            found = read(Path(place), "a/00000001")
        run.path.chmod(0o700)
    assert found.exists
    assert found.faults[0] == "its folder cannot be read: permission denied"


@contextmanager
def as_nobody():
    me = os.geteuid()
    if me == 0:
        os.seteuid(pwd.getpwnam("nobody").pw_uid)
    try:
        yield
    finally:
        os.seteuid(me)
