"""Real offline W&B files, written by the loggers and read back by W&B's own reader."""

import csv
import json
import os
import shutil
import subprocess
import sys

import pytest

from medllm import track
from medllm.errors import ConfigError
from medllm.track import MetricsFile, Tracker


@pytest.fixture(autouse=True)
def no_key(tmp_path, monkeypatch):
    monkeypatch.delenv("WANDB_API_KEY", raising=False)
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))


def rows(run_dir):
    with (run_dir / "metrics.csv").open() as file:
        return list(csv.DictReader(file))


def test_columns_may_come_later_and_stay_empty_where_not_logged(tmp_path):
    log = MetricsFile(tmp_path)
    log.log_metrics({"train/loss": 2.0}, step=0)
    log.log_metrics({"train/loss": 1.5, "heldout/general/bits_per_byte": 3.0}, step=10)
    assert rows(tmp_path) == [
        {"step": "0", "train/loss": "2.0", "heldout/general/bits_per_byte": ""},
        {"step": "10", "train/loss": "1.5", "heldout/general/bits_per_byte": "3.0"},
    ]


def test_a_run_taken_up_again_keeps_its_past_less_what_it_repeats(tmp_path):
    first, second = MetricsFile(tmp_path), MetricsFile(tmp_path)
    for step in (0, 10, 20):
        first.log_metrics({"train/loss": 2.0}, step=step)
    second.log_metrics({"train/loss": 1.0}, step=10)
    second.log_metrics({"train/loss": 0.5}, step=20)
    assert [(row["step"], row["train/loss"]) for row in rows(tmp_path)] == [
        ("0", "2.0"),
        ("10", "1.0"),
        ("20", "0.5"),
    ]


def test_without_a_key_auto_is_offline(monkeypatch):
    tracker = Tracker(project="toy", mode="auto")
    assert tracker.decided() == "offline"
    monkeypatch.setenv("WANDB_API_KEY", "0" * 40)
    assert tracker.decided() == "online"


def test_a_key_in_netrc_counts(tmp_path):
    (tmp_path / "netrc").write_text("machine api.wandb.ai login user password " + "0" * 40)
    assert track.has_key()


def test_online_without_a_key_is_refused():
    with pytest.raises(ConfigError, match=r"tracker\.mode=online, but there is no W&B key"):
        Tracker(project="toy", mode="online").decided()


def test_disabled_leaves_the_file_alone(tmp_path):
    tracker = Tracker(project="toy", mode="disabled")
    loggers = tracker.loggers(
        "world/sft/1", group="g", job_type="sft", tags=[], config={}, run_dir=tmp_path
    )
    assert [type(logger) for logger in loggers] == [MetricsFile]


def log_a_run(tracker, run_id, run_dir, loss):
    run_dir.mkdir(parents=True)
    loggers = tracker.loggers(
        run_id,
        group="world/qilin_med",
        job_type="sft",
        tags=["world_s"],
        config={"seed": 17},
        run_dir=run_dir,
    )
    for logger in loggers:
        logger.log_metrics({"train/loss": loss}, step=1)
        logger.finalize("success")
    tracker.finish()


@pytest.mark.slow
def test_two_runs_of_one_process_are_two_runs_of_wandb(tmp_path, capfd):
    """Both in one process, as a recipe trains them."""
    tracker = Tracker(project="toy", mode="offline")
    for number, loss in ((1, 2.0), (2, 1.0)):
        log_a_run(tracker, f"world/sft/{number}", tmp_path / str(number), loss)
    found = [inspect(tmp_path / str(number)) for number in (1, 2)]
    assert [run["run_id"] for run in found] == ["world-sft-1", "world-sft-2"]
    assert [run["summary"]["train/loss"] for run in found] == [2.0, 1.0]
    assert all(run["config"] == {"seed": 17} for run in found)
    assert "wandb" not in capfd.readouterr().err


def inspect(run_dir):
    (file,) = run_dir.glob("wandb/offline-run-*/run-*.wandb")
    wandb = shutil.which("wandb", path=f"{os.path.dirname(sys.executable)}:{os.environ['PATH']}")
    words = subprocess.run(
        [wandb, "leet", "inspect", "--summary", "--json", str(file)],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    return json.loads(words)
