"""Real offline W&B files, written by the loggers and read back by W&B's own reader."""

import json
import os
import shutil
import subprocess
import sys

import pytest

from medllm.track import Tracker


@pytest.fixture(autouse=True)
def no_key(tmp_path, monkeypatch):
    monkeypatch.delenv("WANDB_API_KEY", raising=False)
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))


@pytest.fixture
def offline():
    return Tracker(project="toy", mode="offline")


def loggers_of(tracker, run_dir, *, run_id="world/sft/1", start=0, config=None):
    run_dir.mkdir(parents=True, exist_ok=True)
    return tracker.loggers(
        run_id,
        group="world/qilin_med",
        job_type="sft",
        tags=["world_s"],
        config={"seed": 17} if config is None else config,
        run_dir=run_dir,
        start=start,
    )


def log(loggers, losses):
    """A row for every step of `losses`."""
    for step, loss in losses.items():
        for logger in loggers:
            logger.log_metrics({"train/loss": loss}, step=step)


def read(run_dir):
    """The records in the only W&B file of a run, by type."""
    (file,) = run_dir.glob("wandb/offline-run-*/run-*.wandb")
    path = f"{os.path.dirname(sys.executable)}:{os.environ['PATH']}"
    words = [shutil.which("wandb", path=path), "leet", "inspect", "--json", str(file)]
    lines = subprocess.run(words, capture_output=True, text=True, check=True).stdout.splitlines()
    records = {}
    for record in map(json.loads, lines):
        records.setdefault(record["type"], []).append(record.get(record["type"]))
    return records


def history(records, key="train/loss"):
    """(row, optimiser step, value) of a metric, as W&B has it."""
    items = [record["item"] for record in records["history"]]
    return [(item["_step"], item["step"], item[key]) for item in items if key in item]
