"""Preparing on a cluster: what is queued, and that it makes what one machine makes."""

import shutil
import subprocess
import time
from pathlib import Path

import pytest
from datatrove.executor import LocalPipelineExecutor

from medllm import cluster, config
from medllm.prepare import make_world, prepare
from tests.verbs import Places

CPT = ("experiments=world/cpt", "world=tiny", "model/start=world_s", "previous=none")


def content(stores: Path) -> dict[str, bytes]:
    """All that is in `stores`, but for locks and logs."""
    return {
        str(file.relative_to(stores)): file.read_bytes()
        for place in ("corpora", "tokens", "rows", "removals")
        for file in sorted((stores / place).rglob("*"))
        if file.is_file() and ".locks" not in file.parts
    }


def composed(folder: Path, *words: str):
    places = [f"paths.{name}={folder / name}" for name in ("corpora", "stores", "runs")]
    cfg = config.compose("prepare", [*CPT, *places, *words])
    config.check(cfg, "prepare")
    return cfg


@pytest.fixture
def alone(tmp_path):
    """What one machine makes of the world's files, put aside."""
    cfg = composed(tmp_path)
    prepare(cfg)
    made = content(tmp_path / "stores")
    assert {name.split("/")[0] for name in made} == {"corpora", "tokens", "rows"}
    shutil.rmtree(tmp_path / "stores")
    return made


def test_two_tasks_make_what_one_machine_makes(tmp_path, alone):
    """By datatrove's executor for one machine, which runs the same functions as Slurm's."""
    cfg = composed(tmp_path)
    make_world(cfg)
    steps = cluster.Steps(frozen=cluster.freeze(cfg, tmp_path / "jobs"), finish=prepare)
    for name, (do, tasks) in steps.all(2).items():
        done = LocalPipelineExecutor(
            pipeline=[do], tasks=tasks, workers=1, logging_dir=str(tmp_path / "jobs" / name)
        )
        done.run()
    assert content(tmp_path / "stores") == alone


def test_nothing_is_queued_without_the_word(tmp_path, capsys):
    assert Places(tmp_path).medllm("prepare", *CPT, "cluster=slurm", "cluster.tasks=3") == 0
    said = capsys.readouterr().out
    assert "would queue 2 job arrays of 3 tasks of 2 CPUs for at most 12:00:00 and 1 last" in said
    assert not (tmp_path / "stores/jobs").exists()


def test_no_tasks_are_refused(tmp_path, capsys):
    assert Places(tmp_path).medllm("prepare", *CPT, "cluster=slurm", "cluster.tasks=0") == 2
    assert "cluster.tasks=0 must be at least 1 and at most 1000" in capsys.readouterr().err


@pytest.mark.slurm
@pytest.mark.slow
def test_two_nodes_make_what_one_machine_makes(tmp_path, alone, capsys):
    places = Places(tmp_path)
    partition = subprocess.check_output(["sinfo", "-h", "-o", "%R"], text=True).split()[0]
    words = ("cluster=slurm", "submit=true", "cluster.tasks=4", f"cluster.partition={partition}")
    # as many processors as a node has, so that two tasks at once are on two nodes
    cpus = subprocess.check_output(["sinfo", "-h", "-o", "%c"], text=True).split()[0]
    sizes = (f"cluster.cpus={cpus}", "cluster.memory=2", 'cluster.time="00:10:00"')
    assert places.medllm("prepare", *CPT, *words, *sizes) == 0
    (folder,) = (tmp_path / "stores/jobs").iterdir()
    finished = folder / "finish/completions/00000"
    deadline = time.monotonic() + 300
    while not finished.exists():
        assert time.monotonic() < deadline, "the jobs did not end within five minutes"
        time.sleep(1)
    assert content(tmp_path / "stores") == alone
    jobs = subprocess.check_output(["scontrol", "show", "job", "-o"], text=True).splitlines()
    ours = [job for job in jobs if "JobName=medllm-read " in job]
    assert len({job.split(" NodeList=")[1].split()[0] for job in ours[-4:]}) == 2
