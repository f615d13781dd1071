"""Jobs on a real cluster of two nodes. All are queued at once; every test follows one of them."""

import shutil
import subprocess
import time
from pathlib import Path

import pytest

from medllm.errors import ConfigError
from medllm.launch import slurm
from medllm.launch.snapshot import snapshot
from medllm.provenance import REPO
from tests.launch.made import preparing, small, training

pytestmark = [pytest.mark.slurm, pytest.mark.slow]

# Name of a run -> its acts, one for every start.
ACTS = {
    "signal": "wait done",
    "limit": "wait done",
    "killed": "kill done",
    "stuck": "kill kill kill kill",
    "cancelled": "wait",
    "refused": "refuse",
    "lost": "lose done",
    "by_hand": "wait done",
}


class Cluster:
    """The jobs of this module: numbers and folders by name."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.number = folder, {}
        repo = folder / "repo"
        old = shutil.ignore_patterns("__pycache__")
        for name in ("medllm", "conf", "slurm", "experiments"):
            shutil.copytree(REPO / name, repo / name, ignore=old)
        shutil.copy(REPO / "pyproject.toml", repo)
        for player, part in {"acting_rank": "run", "told": "told"}.items():
            shutil.copy(Path(__file__).with_name(f"{player}.py"), repo / f"medllm/{part}.py")
        self.code = snapshot(folder / "runs", repo=repo)
        # What is queued is immune to edits.
        (repo / "medllm/run.py").write_text("raise SystemExit('edited')")

    def submit(self, job: slurm.Job) -> str:
        self.number[job.name] = slurm.submit(job, self.code)
        return self.number[job.name]

    def train(self, name: str, **wishes) -> str:
        run_dir = self.folder / "runs" / name
        run_dir.mkdir(parents=True)
        (run_dir / "acts").write_text(ACTS[name])
        return self.submit(training(small(**wishes), run_dir, name=name))

    def after(self, name: str, environment: str = "") -> str:
        """A job after `name` that writes down what it sees."""
        told = self.folder / f"after {name}"
        job = preparing(
            small(environment=environment), self.folder, name=f"after_{name}",
            words=["medllm.told", str(told)], after=[self.number[name]],
        )  # fmt: skip
        return self.submit(job)

    def log(self, name: str) -> str:
        return (self.folder / f"runs/{name}/jobs/slurm-{self.number[name]}.log").read_text()

    def started(self, name: str, start: int = 0) -> None:
        """Wait until both ranks of that start are there."""
        ready = [self.folder / f"runs/{name}/ready-{start}-{rank}" for rank in (0, 1)]
        until(lambda: all(file.exists() for file in ready), f"{name} did not start")

    def ended(self, name: str) -> slurm.State:
        def state():
            return slurm.states([self.number[name]])[self.number[name]]

        until(lambda: state().word not in LIVE, f"{name} did not end")
        return state()


LIVE = ("PENDING", "RUNNING", "COMPLETING", "REQUEUED")


def until(is_so, complaint: str) -> None:
    deadline = time.monotonic() + 240
    while not is_so():
        assert time.monotonic() < deadline, complaint
        time.sleep(0.5)


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    cluster = Cluster(tmp_path_factory.mktemp("100% a cluster's"))
    for name in ACTS:
        # The signal comes at the earliest 45 seconds before the limit of one minute.
        cluster.train(name, **({"time": "00:01:00", "grace": 45} if name == "limit" else {}))
    cluster.after("signal", environment='export WORDS="a,b=c; $((1 + 1))"')
    cluster.after("refused")
    yield cluster
    slurm.cancel(list(cluster.number.values()))


def test_a_run_told_to_save_itself_is_queued_again_in_the_same_log(cluster):
    """The signal reaches the ranks, and not the shell around them."""
    cluster.started("signal")
    number = cluster.number["signal"]
    subprocess.run(["scancel", "--signal=USR1", number], check=True)
    end = cluster.ended("signal")
    assert (end.word, end.restarts) == ("COMPLETED", 1)
    said = [line for line in cluster.log("signal").splitlines() if line.startswith("medllm: ")]
    assert said[0].startswith(f"medllm: start 1 of job {number} on {end.node}, ")
    assert said[1] == f"medllm: the run asks to be started again; job {number} is queued again"
    assert said[2].startswith(f"medllm: start 2 of job {number} on {end.node}, ")
    assert said[3] == "medllm: the run is done; it is not queued again"


def test_a_job_that_waits_for_a_run_starts_when_it_is_done_and_not_between_its_starts(cluster):
    """It also sees the environment of its config word for word, and the snapshot's code."""
    assert cluster.ended("after_signal").word == "COMPLETED"
    second = cluster.folder / "runs/signal/ready-1-0"
    told = cluster.folder / "after signal"
    assert told.stat().st_mtime > second.stat().st_mtime
    assert told.read_text().splitlines() == ["a,b=c; 2", "1", str(cluster.code / "medllm")]


def test_a_run_is_told_to_save_itself_before_the_limit(cluster):
    end = cluster.ended("limit")
    assert (end.word, end.restarts) == ("COMPLETED", 1)


def test_a_run_whose_rank_was_killed_is_queued_again(cluster):
    end = cluster.ended("killed")
    assert (end.word, end.restarts) == ("COMPLETED", 1)
    assert "a rank was killed by SIGKILL; job" in cluster.log("killed")


def test_a_run_that_gets_no_further_is_given_up(cluster):
    end = cluster.ended("stuck")
    assert (end.word, end.restarts) == ("FAILED", 2)
    assert "3 attempts in a row ended without a newer checkpoint" in cluster.log("stuck")


def test_a_run_that_lost_a_rank_is_queued_again_though_srun_ended_the_others(cluster):
    end = cluster.ended("lost")
    assert (end.word, end.restarts) == ("COMPLETED", 1)
    assert "the run asks to be started again; job" in cluster.log("lost")


def test_a_run_that_refuses_is_not_queued_again_and_what_waits_for_it_is_cancelled(cluster):
    assert cluster.ended("refused").word == "FAILED"
    assert "refused to go on" in cluster.log("refused")
    end = cluster.ended("after_refused")
    assert (end.word, end.reason) == ("CANCELLED", "DependencyNeverSatisfied")


def test_a_run_can_be_queued_again_by_hand(cluster):
    cluster.started("by_hand")
    slurm.requeue(cluster.number["by_hand"])
    end = cluster.ended("by_hand")
    assert (end.word, end.restarts) == ("COMPLETED", 1)


def test_a_cancelled_run_stays_cancelled(cluster):
    cluster.started("cancelled")
    slurm.cancel([cluster.number["cancelled"]])
    assert cluster.ended("cancelled").word == "CANCELLED"
    time.sleep(6)  # a job that is queued again is PENDING within a second
    end = cluster.ended("cancelled")
    assert (end.word, end.restarts) == ("CANCELLED", 0)
    assert "medllm: the run" not in cluster.log("cancelled")


def test_jobs_are_asked_about_at_once_and_unknown_ones_are_left_out(cluster):
    known = [cluster.number["signal"], cluster.number["refused"]]
    assert set(slurm.states([*known, "99999999"])) == set(known)
    assert slurm.states(["99999999"]) == {}
    assert slurm.states([]) == {}


# What a config may ask for that this cluster does not have -> what is told.
WRONG = {
    "hardware.slurm.partition=nope is not a partition here; there are": {"partition": "nope"},
    "Invalid feature specification; change hardware.slurm.constraint=h100": {"constraint": "h100"},
    "node configuration is not available; change hardware.slurm.gres=gpu:99": {"gres": "gpu:99"},
    "Invalid generic resource .* change hardware.slurm.gres=tpu:1": {"gres": "tpu:1"},
    "hardware.slurm.memory=9T, but partition": {"memory": "9T"},
    "1 tasks a node with hardware.slurm.cpus=999 each, but partition": {"cpus": 999},
    "unrecognized option '--nonsense=1'; change hardware.slurm.flags": {"flags": {"nonsense": 1}},
}


@pytest.mark.parametrize("told", WRONG)
def test_what_this_cluster_does_not_have_is_refused(cluster, told):
    with pytest.raises(ConfigError, match=told):
        slurm.submit(training(small(**WRONG[told]), cluster.folder / "wrong"), cluster.code)
