"""A sweep on a real Slurm of two nodes, started in two shells at the same moment: a minute."""

import json
import subprocess
import sys
import time

import pytest

from medllm import config
from medllm.launch import slurm
from tests.verbs import Places

pytestmark = [pytest.mark.slow, pytest.mark.slurm]

PATIENCE = 600  # seconds; other tests may load the machine
# A point that goes well, and one whose data cpt cannot learn from.
SWEEP = (
    "recipe", "experiments=world/tiny", "overrides=['stage.epochs=1','tracker.mode=disabled']",
    "~steps.sft", "~steps.dpo", "benchmarks=[world_exam]", "hardware=slurm2", "submit=true",
    "-m", "data.cpt=world_knowledge,world_preferences",
)  # fmt: skip


@pytest.fixture(scope="module")
def places(tmp_path_factory):
    """After both sweeps; all that was queued is over, or ended here."""
    places = Places(tmp_path_factory.mktemp("sweep"))
    paths = [f"paths.{name}={getattr(places, name)}" for name in ("corpora", "stores", "runs")]
    command = [sys.executable, "-m", "medllm.cli", *SWEEP, *paths]
    shells = [subprocess.Popen(command, cwd=config.REPO, stderr=subprocess.PIPE) for _ in range(2)]
    try:
        for shell in shells:
            _, complaint = shell.communicate(timeout=PATIENCE)
            assert shell.returncode == 0, complaint.decode()
        wait(places)
        yield places
    finally:
        slurm.cancel(list(jobs(places)))


def jobs(places):
    """Number of every job of the newest record of each kind to its file."""
    files = [*places.runs.rglob("job.json"), *places.runs.rglob("jobs/*.json")]
    return {json.loads(file.read_text())["id"]: file for file in files}


def wait(places):
    """Until the last job, which is a report, has ended."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        states = slurm.states(list(jobs(places)))
        if all(state.word not in ("PENDING", "RUNNING", "COMPLETING") for state in states.values()):
            return
        time.sleep(2)
    raise AssertionError(f"jobs still go: {states}")


def attempts(run_dir):
    """Lines of attempts that were begun, with the job of each."""
    file = run_dir / "attempts.jsonl"
    lines = file.read_text().splitlines() if file.exists() else []
    return [line["job"] for line in map(json.loads, lines) if "started" in line]


def logs(run_dir):
    return {file.stem.removeprefix("slurm-") for file in (run_dir / "jobs").glob("slurm-*.log")}


def said(run_dir):
    """All that the jobs of a run said."""
    return "\n".join(file.read_text() for file in sorted((run_dir / "jobs").glob("*.log")))


def test_every_run_is_trained_once_by_the_job_that_its_folder_names(places):
    (base,) = places.folders("world/base")
    good, bad = sorted(places.folders("world/cpt"), key=lambda d: not (d / "done.json").exists())
    for run_dir in (base, good):
        assert (run_dir / "done.json").exists(), said(run_dir)
        assert attempts(run_dir) == [json.loads((run_dir / "job.json").read_text())["id"]]
        assert len(logs(run_dir)) == 3  # prepare, train, evaluate: each once
    assert attempts(bad) == []


def test_what_depends_on_a_failed_job_is_cancelled_and_the_rest_goes_on(places):
    (bad,) = (d for d in places.folders("world/cpt") if not (d / "done.json").exists())
    (log,) = (bad / "jobs").glob("slurm-*.log")
    assert "chat template has no {% generation %} marks" in log.read_text()
    files = [bad / "jobs/prepare.json", bad / "job.json", *(bad / "jobs").glob("evaluate-*.json")]
    ids = [json.loads(file.read_text())["id"] for file in files]
    states = slurm.states(ids)
    assert [states[job].word for job in ids] == ["FAILED", "CANCELLED", "CANCELLED"]


def test_the_report_tells_of_what_there_is(places):
    page = (places.runs / "world/tiny/report/index.html").read_text()
    assert "world exam" in page.replace("_", " ")
    (base,) = places.folders("world/base")
    assert base.name in page
