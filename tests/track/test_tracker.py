"""What the config says of W&B, and what W&B is told of a run."""

import pytest

from medllm.errors import ConfigError
from medllm.track import MetricsFile, Tracker, has_key
from medllm.track.tracker import without_secrets
from tests.track.conftest import history, log, loggers_of, read


def test_without_a_key_auto_is_offline(monkeypatch):
    tracker = Tracker(project="toy", mode="auto")
    assert tracker.decided() == "offline"
    monkeypatch.setenv("WANDB_API_KEY", "0" * 40)
    assert tracker.decided() == "online"


def test_a_key_in_netrc_counts(tmp_path):
    (tmp_path / "netrc").write_text("machine api.wandb.ai login user password " + "0" * 40)
    assert has_key()


def test_online_without_a_key_is_refused():
    with pytest.raises(ConfigError, match=r"tracker\.mode=online, but there is no W&B key"):
        Tracker(project="toy", mode="online").decided()


def test_disabled_leaves_the_file_alone(tmp_path):
    loggers = loggers_of(Tracker(project="toy", mode="disabled"), tmp_path)
    assert [type(logger) for logger in loggers] == [MetricsFile]


def test_secrets_are_masked_at_any_depth():
    config = {"seed": 17, "hub": {"api_key": "k", "token": None}, "argv": ["wandb.key=k", "a=b"]}
    assert without_secrets(config) == {
        "seed": 17,
        "hub": {"api_key": "***", "token": None},
        "argv": ["wandb.key=***", "a=b"],
    }


@pytest.mark.slow
def test_two_runs_of_one_process_are_two_runs_of_wandb(tmp_path, offline, capfd):
    """Both in one process, as a recipe trains them."""
    for number, loss in ((1, 2.0), (2, 1.0)):
        run_dir = tmp_path / str(number)
        config = {"seed": 17, "hub_token": "k"}
        log(loggers_of(offline, run_dir, run_id=f"world/sft/{number}", config=config), {1: loss})
        offline.finish()
        records = read(run_dir)
        (run,) = records["run"]
        assert run["run_id"] == f"world-sft-{number}"
        assert run["display_name"] == f"world/sft/{number}"
        assert (run["run_group"], run["job_type"]) == ("world/qilin_med", "sft")
        assert (run["tags"], run["notes"]) == (["world_s"], str(run_dir))
        assert run["config"]["update"] == {"_wandb": {}, "seed": 17, "hub_token": "***"}
        assert history(records) == [(0, 1, loss)]
    said = capfd.readouterr().err.splitlines()
    folders = [tmp_path / str(n) / "wandb" / "offline-run-" for n in (1, 2)]
    assert [line.rpartition("offline-run-")[0] + "offline-run-" for line in said] == [
        f"W&B: offline; to send it: wandb sync {folder}" for folder in folders
    ]
