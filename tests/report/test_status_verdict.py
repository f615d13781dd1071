"""Which of folder, lock and Slurm is believed, case by case."""

from dataclasses import replace
from datetime import timedelta

import pytest

from medllm import lock
from medllm.report.status import row
from medllm.report.status_clock import words
from medllm.report.status_read import read
from medllm.report.status_verdict import own
from tests.run_folders import HERE, NOW, RunFolder, Said, ago

PENDING = Said("PENDING", reason="Dependency", elapsed=timedelta(0))


@pytest.fixture
def run(tmp_path):
    return RunFolder(tmp_path)


def told(run, job=None, here=HERE):
    """State and reason, where Slurm says `job` of job 12 or does not know it."""
    found = row(read(run.runs, run.id), {"12": job} if job else {}, here)
    return found.state, found.note


def alone(run):
    return run


def submitted(run):
    return run.submitted()


def running(run, **place):
    return run.submitted().started(job="12", host="sn1", **place)


CASES = {
    "frozen and no more": (alone, None, "not started", ""),
    "killed -9 on this machine": (
        lambda run: run.started().progressed(), None, "stopped", "killed"
    ),
    "failed on this machine": (lambda run: run.started().ended(), None, "failed", ""),
    "told to stop on this machine": (
        lambda run: run.started().ended(why="told to stop"), None, "stopped", "told to stop"
    ),
    "the second of two attempts failed": (
        lambda run: run.started().ended(why="told to stop").started(2).ended(2),
        None, "failed", "",
    ),
    "running on another machine without a queue": (
        lambda run: run.started(host="there").progressed(), None, "running", ""
    ),
    "silent on another machine without a queue": (
        lambda run: run.started(host="there", at=ago(hours=9)).progressed(at=ago(hours=3)),
        None, "stale", "says it runs on there, silent for 3 h 0 min",
    ),
    "said it was done, and left no done.json": (
        lambda run: run.started().ended(why="done"),
        None, "lost", "says it has ended well, but there is no done.json",
    ),
    "queued": (submitted, Said("PENDING", reason="Priority"), "queued", "waits: Priority"),
    "queued without a reason": (submitted, Said("PENDING"), "queued", ""),
    "behind another job": (
        lambda run: run.submitted(after=["10", "11"]), PENDING, "waiting", "for job 10, 11"
    ),
    "behind a job that failed, and not killed": (
        submitted, Said("PENDING", reason="DependencyNeverSatisfied"),
        "failed", "a job that it waits for has failed",
    ),
    "behind a job that failed, and killed": (
        submitted, Said("CANCELLED", reason="DependencyNeverSatisfied"),
        "stopped", "a job that it waited for has failed or was cancelled",
    ),
    "saved and queued again": (
        lambda run: running(run).ended(why="told to stop"),
        Said("PENDING", reason="BeginTime"), "queued again", "waits: BeginTime",
    ),
    "preempted before it said a word, and queued again": (
        submitted, Said("PENDING", restarts=1), "queued again", ""
    ),
    "the job runs, the run does not yet": (submitted, Said("RUNNING"), "starting", ""),
    "the job runs again, the run does not yet": (
        lambda run: running(run).ended(why="told to stop"), Said("RUNNING"), "starting", ""
    ),
    "running": (lambda run: running(run).progressed(), Said("RUNNING"), "running", ""),
    "running and silent": (
        lambda run: running(run).progressed(at=ago(minutes=25)),
        Said("RUNNING"), "running", "silent for 25 min",
    ),
    "running again, with words of before": (
        lambda run: running(run, at=ago(hours=9)).progressed(at=ago(hours=8)),
        Said("RUNNING", elapsed=timedelta(minutes=2)), "running", "",
    ),
    "held by its owner": (
        lambda run: running(run).progressed(), Said("SUSPENDED"), "running", "job 12 is suspended"
    ),
    "failed in the queue": (
        lambda run: running(run).ended(), Said("FAILED", reason="NonZeroExitCode"),
        "failed", "job 12 ended: failed",
    ),
    "killed for memory": (
        lambda run: running(run), Said("OUT_OF_MEMORY"), "failed", "job 12 ended: out of memory"
    ),
    "a node was lost": (
        lambda run: running(run), Said("NODE_FAIL", reason="NodeDown"),
        "failed", "job 12 ended: node fail (NodeDown)",
    ),
    "cancelled": (lambda run: running(run), Said("CANCELLED"), "stopped", "job 12 was cancelled"),
    "the job ended well, the run did not": (
        lambda run: running(run), Said("COMPLETED"),
        "lost", "job 12 has ended well, but there is no done.json",
    ),
    "Slurm forgot the job": (submitted, None, "lost", "Slurm does not know job 12"),
    "Slurm forgot the job that said it ran": (
        lambda run: running(run).progressed(), None, "lost", "Slurm does not know job 12"
    ),
    "Slurm forgot the job, whose end is told": (
        lambda run: running(run).ended(why="failed"), None, "failed", ""
    ),
    "done": (lambda run: run.started().ended(why="done").done(), None, "done", ""),
    "done, though Slurm forgot the job": (lambda run: running(run).done(), None, "done", ""),
    "done, though the job failed after": (
        lambda run: running(run).done(), Said("FAILED"), "done", ""
    ),
    "done, though another attempt is queued": (
        lambda run: run.submitted().done(), Said("PENDING"), "done", ""
    ),
    "queued, then killed on this machine": (
        lambda run: run.submitted().started(at=ago(hours=1)), Said("CANCELLED"), "stopped", "killed"
    ),
    "failed on this machine, then queued": (
        lambda run: run.started(at=ago(hours=5)).ended().submitted(at=ago(hours=2)),
        Said("PENDING"), "queued", "",
    ),
    "failed on a machine whose clock is ahead, then queued": (
        lambda run: run.started(at=NOW + timedelta(hours=5)).ended().submitted(),
        Said("PENDING"), "queued", "",
    ),
    "run by hand in a job": (
        lambda run: run.started(job="12").progressed(), Said("RUNNING"), "running", ""
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_what_is_believed(case, run):
    leave, job, state, why = CASES[case]
    leave(run)
    assert told(run, job) == (state, why)


def test_of_two_jobs_the_one_with_the_higher_number_is_newer_whatever_the_clocks_say(run):
    run.submitted("13", at=ago(hours=9)).started(job="12", host="sn1").ended(why="told to stop")
    assert told(run) == ("lost", "Slurm does not know job 13")


def test_a_job_of_another_name_is_not_the_runs(run):
    run.submitted(name=f"train {run.id}")
    ours = {"12": Said("RUNNING", name=f"train {run.id}")}
    assert own(read(run.runs, run.id), ours) == ours
    assert own(read(run.runs, run.id), {"12": Said("RUNNING", name="x")}) == {}


def test_whoever_holds_the_lock_trains_whatever_the_files_and_slurm_say(run):
    run.submitted().started(job="12", host="sn1").ended().progressed()
    with run.trained():
        assert told(run, Said("FAILED")) == ("running", "")
        assert told(run) == ("running", "")
    assert told(run)[0] == "failed"


def test_a_run_that_is_done_is_done_even_while_somebody_holds_its_lock(run):
    run.started().done()
    with run.trained():
        assert told(run) == ("done", "")


def test_a_run_that_hangs_here_is_said_to_be_silent(run):
    run.started().progressed(at=ago(minutes=12))
    with run.trained():
        assert told(run) == ("running", "silent for 12 min")


def test_a_run_that_is_being_prepared_or_queued_is_starting(tmp_path):
    (tmp_path / ".locks").mkdir()
    with lock.held(tmp_path / ".locks" / "world-cpt-1a2b3c4d", waiting=""):
        found = row(read(tmp_path, "world/cpt/1a2b3c4d"), {}, HERE)
    assert found.state == "starting"
    assert row(read(tmp_path, "world/cpt/1a2b3c4d"), {}, HERE).state == "not started"


def test_a_job_is_believed_to_run_while_slurm_cannot_be_asked_only_if_it_was_heard_of(run):
    deaf = replace(HERE, is_slurm_known=False)
    running(run).progressed(at=ago(minutes=3))
    assert told(run, here=deaf) == ("running", "Slurm cannot be asked about job 12")
    run.progressed(at=ago(minutes=30))
    assert told(run, here=deaf) == ("unknown", "Slurm cannot be asked about job 12")


def test_a_clock_that_is_ahead_is_told_and_breaks_no_duration(run):
    """The node writes 14:00 at what the disk and this machine call 11:59."""
    ahead = timedelta(hours=2)
    running(run, at=ago(hours=1) + ahead)
    run.progressed(at=NOW + ahead, written=ago(minutes=1), seconds_left=90)
    found = row(read(run.runs, run.id), {"12": Said("RUNNING", node="sn1")}, HERE)
    assert (found.state, found.note) == ("running", "clock of sn1 is 2 h 0 min ahead of here")
    assert found.seconds_left == 90
    assert found.device_seconds == 2 * 3600  # of two processes, one hour by their own clock


def test_a_clock_that_is_behind_is_told_and_the_run_is_not_called_silent(run):
    running(run).progressed(at=ago(hours=3), written=ago(minutes=1))
    assert told(run, Said("RUNNING")) == ("running", "clock of sn1 is 2 h 59 min behind the disk's")


def test_a_disk_whose_clock_is_ahead_makes_no_negative_age(run):
    running(run).progressed(at=ago(minutes=1), written=NOW + timedelta(minutes=30))
    assert told(run, Said("RUNNING"))[0] == "running"


def test_times_are_told_in_their_two_largest_units():
    spans = {5: "5 s", 60: "1 min", 7500: "2 h 5 min", 100_000: "1 d 3 h"}
    assert {n: words(timedelta(seconds=n)) for n in spans} == spans
