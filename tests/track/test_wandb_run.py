"""W&B follows metrics.csv, whatever is killed."""

import json

import psutil
import pytest

from medllm.track import Tracker, wandb_run
from tests.track.conftest import history, log, loggers_of, read
from tests.track.test_metrics_file import written

pytestmark = pytest.mark.slow


def kill_wandb():
    """As the kernel does when memory runs out, or when a node goes."""
    for child in psutil.Process().children(recursive=True):
        if child.name().startswith("wandb"):
            child.kill()
            child.wait()


def test_a_run_that_is_started_again_is_one_run_with_every_step_once(tmp_path, offline):
    """Steps 0 to 40, saved at 20 and killed; what followed 20 is logged as it comes out now."""
    log(loggers_of(offline, tmp_path), {0: 5.0, 10: 4.0, 20: 3.0, 30: 2.0, 40: 1.0})
    kill_wandb()
    log(loggers_of(offline, tmp_path, start=20), {30: 2.5, 40: 1.5})
    offline.finish()
    records = read(tmp_path)
    (run,) = records["run"]
    assert run["run_id"] == "world-sft-1"
    assert history(records) == [
        (0, 0, 5.0), (1, 10, 4.0), (2, 20, 3.0), (3, 30, 2.5), (4, 40, 1.5),
    ]  # fmt: skip


def test_a_table_before_the_first_row_does_not_bring_back_what_was_struck_out(tmp_path, offline):
    written(tmp_path, steps=(0, 10, 20, 30))
    loggers = loggers_of(offline, tmp_path, start=10)
    loggers[1].log_table("replies", columns=["reply"], data=[["b"]], step=15)
    log(loggers, {20: 1.0})
    offline.finish()
    assert history(read(tmp_path)) == [(0, 0, 2.0), (1, 10, 2.0), (2, 20, 1.0)]


def test_a_run_with_nothing_left_to_train_is_told_whole(tmp_path, offline):
    """Killed between its last step and its export: what W&B had not written yet is not lost."""
    log(loggers_of(offline, tmp_path), {0: 5.0, 10: 4.0})
    kill_wandb()
    loggers_of(offline, tmp_path, start=10)
    offline.finish()
    assert history(read(tmp_path)) == [(0, 0, 5.0), (1, 10, 4.0)]


def test_when_wandb_dies_training_goes_on_and_no_row_is_lost(tmp_path, offline):
    loggers = loggers_of(offline, tmp_path)
    log(loggers, {0: 5.0, 10: 4.0})
    kill_wandb()
    log(loggers, {20: 3.0, 30: 2.0})
    offline.finish()
    assert history(read(tmp_path)) == [(0, 0, 5.0), (1, 10, 4.0), (2, 20, 3.0), (3, 30, 2.0)]


def test_when_wandb_dies_again_and_again_metrics_csv_goes_on_alone(tmp_path, offline, capfd):
    loggers = loggers_of(offline, tmp_path)
    for first in (0, 20, 40, 60):
        log(loggers, {first: 5.0, first + 10: 4.0})
        kill_wandb()
    log(loggers, {80: 1.0})
    offline.finish()
    assert [int(row["step"]) for row in loggers[0].rows()] == [*range(0, 90, 10)]
    assert capfd.readouterr().err.count("W&B: given up") == 1


def test_a_server_that_does_not_answer_holds_nothing_up(tmp_path, monkeypatch, capfd):
    """Nobody listens on port 9 of this machine."""
    monkeypatch.setenv("WANDB_API_KEY", "0" * 40)
    monkeypatch.setenv("WANDB_BASE_URL", "http://127.0.0.1:9")
    monkeypatch.setattr(wandb_run, "PATIENCE", 1)
    tracker = Tracker(project="toy", mode="auto")
    log(loggers_of(tracker, tmp_path), {0: 5.0, 10: 4.0})
    tracker.finish()
    assert history(read(tmp_path)) == [(0, 0, 5.0), (1, 10, 4.0)]
    said = capfd.readouterr().err
    assert "W&B: no server (" in said
    assert "going on offline" in said
    assert "W&B: offline; to send it: wandb sync" in said


def test_folders_are_told_of_and_not_read(tmp_path, offline):
    """The size is that of the file, 4 bytes; the digest is of the path."""
    run_dir, store = tmp_path / "run", tmp_path / "books-1a2b"
    store.mkdir()
    (store / "ids.bin").write_bytes(b"1234")
    loggers = loggers_of(offline, run_dir)
    offline.refer(store, kind="dataset", name="books-1a2b", facts={"tokens": 2})
    log(loggers, {0: 5.0})
    offline.refer(store, kind="model", name="world/sft/1", facts={})
    offline.finish()
    data, model = read(run_dir)["artifact"]
    assert (data["name"], data["type"]) == ("books-1a2b", "dataset")
    assert (model["name"], model["type"]) == ("world-sft-1", "model")
    assert json.loads(data["metadata"]) == {"tokens": 2}
    (file,) = data["manifest"]["contents"]
    assert file["ref"] == f"{store.as_uri()}/ids.bin"
    assert file["size"] == "4"
    assert "local_path" not in file


def test_a_table_joins_the_row_of_its_step_and_stays_in_the_run_folder(tmp_path, offline):
    loggers = loggers_of(offline, tmp_path)
    log(loggers, {0: 5.0})
    loggers[1].log_table("replies", columns=["prompt", "reply"], data=[["a?", "b"]], step=10)
    log(loggers, {10: 4.0})
    offline.finish()
    records = read(tmp_path)
    assert history(records) == [(0, 0, 5.0), (1, 10, 4.0)]
    assert history(records, "replies.ncols") == [(1, 10, 2)]
    (artifact,) = records["artifact"]
    (table,) = artifact["manifest"]["contents"]
    assert table["local_path"].startswith(str(tmp_path))
