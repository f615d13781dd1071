"""What a job does when its ranks have ended."""

import json

import pytest

from medllm.journal import Journal
from medllm.launch import again
from medllm.launch.again import Verdict, cause, idle, judge

# What a run ended with -> whether it is started again, and why.
DECISIONS = {
    0: (False, "the run is done"),
    1: (False, "the run failed with status 1"),
    2: (False, "the run refused to go on, which starting again does not mend"),
    75: (True, "the run asks to be started again"),
    127: (False, "the run failed with status 127"),  # no such command
    134: (True, "a rank was killed by SIGABRT"),
    137: (True, "a rank was killed by SIGKILL"),
    139: (True, "a rank was killed by SIGSEGV"),
    143: (False, "the run was told to end (SIGTERM)"),
    161: (True, "a rank was killed by signal 33"),  # which has no name
}


@pytest.mark.parametrize("status", DECISIONS)
def test_a_run_is_started_again_where_that_mends_it(status):
    assert judge(status, idle=2) == Verdict(*DECISIONS[status])


def test_a_run_whose_nodes_another_job_takes_is_started_again():
    assert judge(143, idle=0, is_preempted=True) == Verdict(True, "another job takes its nodes")


def test_scontrol_tells_whether_another_job_takes_the_nodes():
    """As Slurm 22.05 shows a job in its time of grace."""
    job = again.shown(
        "JobId=20 JobName=pre\n"
        "   JobState=RUNNING Reason=None Dependency=(null)\n"
        "   StartTime=2026-11-22T20:55:53 EndTime=2026-11-22T20:56:19 Deadline=N/A\n"
        "   PreemptEligibleTime=2026-11-22T20:55:53 PreemptTime=2026-11-22T20:55:59\n"
    )
    assert again.is_preempted(job)
    assert not again.is_preempted({**job, "PreemptTime": "None"})
    assert not again.is_preempted({})


# srun's status and those of single ranks, the first to fail first -> what counts.
CAUSES = {
    "done": (0, [], 0),
    "killed, and srun told nothing": (137, [], 137),
    "saved, and srun ended a slower rank": (143, [75, 143], 75),
    "lost a peer, and srun had to kill another": (137, [75, 137], 75),
    "killed, and srun ended the others": (137, [137, 143], 137),
    "crashed, and srun had to kill another": (137, [1, 137], 1),
    "refused, and srun ended the others": (143, [2, 143], 2),
    "refused after another rank noticed": (75, [75, 2], 2),
    "told to end": (143, [143, 143], 143),
}


@pytest.mark.parametrize("case", CAUSES)
def test_what_the_first_rank_to_fail_ended_with_counts_and_a_refusal_always(case):
    status, ranks, counts = CAUSES[case]
    assert cause(status, ranks) == counts


def test_three_attempts_that_get_no_further_are_enough():
    why = "a rank was killed by SIGKILL, but 3 attempts in a row ended without a newer checkpoint"
    assert judge(137, idle=3) == Verdict(False, why)


@pytest.mark.parametrize(
    ("began", "ended", "count"),
    [
        (0, [0], 1),
        (0, [10], 0),
        (10, [10, 10, 10], 3),
        (0, [10, 10, 10], 2),  # the first got to 10
        (0, [0, 0, 10], 0),
        (0, [0, 0, 10, 10], 1),
        (20, [10], 1),  # the newest was damaged
    ],
)
def test_attempts_are_counted_since_the_last_newer_checkpoint(began, ended, count):
    assert idle(began, ended) == count


def test_srun_tells_what_single_ranks_ended_with(tmp_path):
    """Those of an earlier start, above the last "medllm: start", do not count."""
    log = tmp_path / "slurm-7.log"
    log.write_text(
        "medllm: start 1 of job 7 on sn[1-2], 2026-11-22T20:00:00+00:00\n"
        "srun: error: sn1: task 0: Exited with exit code 2\n"
        "medllm: start 2 of job 7 on sn[1-2], 2026-11-22T20:05:00+00:00\n"
        "a rank says: task 0: Exited with exit code 9\n"
        "srun: error: sn1: tasks 0,2-3: Exited with exit code 75\n"
        "srun: launch/slurm: _step_signal: Terminating StepId=7.0\n"
        "srun: error: sn2: task 1: Exited with exit code 143\n"
        "srun: error: sn2: task 4: Killed\n"
        "srun: error: sn2: task 5: Segmentation fault (core dumped)\n"
        "srun: error: sn2: task 6: Out Of Memory\n"
    )
    assert again.statuses(log) == [75, 143, 137, 139, 137]


def test_a_job_without_a_log_tells_nothing(tmp_path):
    assert again.statuses(tmp_path / "slurm-7.log") == []


def checkpoint(run_dir, step, is_whole=True):
    folder = run_dir / "checkpoints" / f"step-{step:08d}"
    folder.mkdir(parents=True)
    if is_whole:
        (folder / "manifest.json").write_text("{}")


def test_a_checkpoint_without_a_manifest_does_not_count(tmp_path):
    assert again.newest(tmp_path) == 0
    checkpoint(tmp_path, 40)
    checkpoint(tmp_path, 50, is_whole=False)
    assert again.newest(tmp_path) == 40


def attempt(run_dir, job, status=137):
    return again.attempts_without_progress(run_dir, job, status)


def test_an_attempt_is_counted_though_it_died_before_it_could_say_so(tmp_path):
    (tmp_path / "jobs").mkdir()
    assert [attempt(tmp_path, "7") for _ in range(3)] == [1, 2, 3]
    said = [json.loads(line) for line in (tmp_path / "jobs/ends-7.jsonl").read_text().splitlines()]
    assert [(line["status"], line["step"]) for line in said] == [(137, 0)] * 3


def test_where_the_first_attempt_of_a_job_began_is_in_the_journal(tmp_path, monkeypatch):
    """Job 6 got to 10. Job 7 begins there and gets to 20, then nowhere."""
    (tmp_path / "jobs").mkdir()
    for job, step in (("6", 0), ("7", 10)):
        monkeypatch.setenv("SLURM_JOB_ID", job)
        Journal(tmp_path).started(step=step, processes=2)
    checkpoint(tmp_path, 20)
    assert [attempt(tmp_path, "7") for _ in range(2)] == [0, 1]


def test_a_new_job_has_its_own_attempts(tmp_path):
    (tmp_path / "jobs").mkdir()
    assert [attempt(tmp_path, job) for job in ("7", "7", "8")] == [1, 2, 1]


def test_a_run_that_is_done_is_said_to_be(tmp_path, capsys):
    (tmp_path / "jobs").mkdir()
    assert again.main(tmp_path, 0, "7") == 0
    assert capsys.readouterr().out == "medllm: the run is done; it is not queued again\n"


@pytest.fixture
def scontrol(tmp_path, monkeypatch):
    """A stand-in that shows a job in the state it is given; it can queue none again."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")

    def make(state):
        script = f'[ "$1" = show ] && echo JobState={state} StartTime=2026-11-22T20:55:53 || exit 1'
        (folder / "scontrol").write_text(f"#!/bin/sh\n{script}\n")
        (folder / "scontrol").chmod(0o755)

    return make


def test_a_run_that_is_done_is_done_whatever_its_ranks_ended_with(tmp_path, capsys):
    (tmp_path / "jobs").mkdir()
    (tmp_path / "done.json").write_text("{}")
    assert again.main(tmp_path, 134, "7") == 0
    assert capsys.readouterr().out == "medllm: the run is done; it is not queued again\n"


def test_a_job_that_is_being_cancelled_is_not_queued_again(tmp_path, capsys, scontrol):
    scontrol("CANCELLED")
    (tmp_path / "jobs").mkdir()
    assert again.main(tmp_path, 75, "7") == 75
    assert capsys.readouterr().out == (
        "medllm: the run asks to be started again; it is not queued again, for job 7 is CANCELLED\n"
    )


def test_who_cannot_be_queued_again_says_so(tmp_path, capsys, scontrol):
    scontrol("RUNNING")
    (tmp_path / "jobs").mkdir()
    assert again.main(tmp_path, 75, "7") == 75
    assert "job 7 cannot be queued again" in capsys.readouterr().out


def test_the_last_error_is_said_beside_the_verdict(tmp_path, capsys, scontrol):
    scontrol("RUNNING")
    (tmp_path / "jobs").mkdir()
    Journal(tmp_path).failed(step=7, kind="Diverged", message="loss is nan")
    assert again.main(tmp_path, 2, "7") == 2
    assert capsys.readouterr().out == (
        "medllm: the run refused to go on, which starting again does not mend; it is not queued "
        "again. Last error, at step 7: loss is nan\n"
    )
