import sys

import pytest

from medllm import launch
from medllm.errors import ConfigError, UserError
from medllm.launch import Hardware


def hardware(**changes):
    given = {
        "launcher": "local",
        "accelerator": "cpu",
        "nodes": 1,
        "devices": 1,
        "micro_batch": 2,
        "precision": "32-true",
        "threads": None,
        "gradient_checkpointing": False,
    }
    return Hardware(**{**given, **changes})


def test_one_device_runs_in_this_process(tmp_path):
    started = []
    launch.launch(tmp_path, hardware(), started.append)
    assert started == [tmp_path]


def test_two_devices_run_under_torchrun(tmp_path):
    assert launch.command(tmp_path, hardware(devices=2)) == [
        sys.executable,
        "-m",
        "torch.distributed.run",
        "--standalone",
        "--nproc-per-node=2",
        "-m",
        "medllm.run",
        str(tmp_path),
    ]


def test_one_device_can_be_started_alone(tmp_path):
    assert launch.command(tmp_path, hardware()) == [
        sys.executable,
        "-m",
        "medllm.run",
        str(tmp_path),
    ]


def test_a_process_is_heard_on_the_terminal_and_in_the_log(tmp_path, capsys):
    log = tmp_path / "launch.log"
    script = "import os, sys; print('患者', os.environ['OMP_NUM_THREADS']); sys.exit(3)"
    status = launch.tee([sys.executable, "-X", "utf8", "-c", script], log, threads=5)
    assert status == 3
    assert log.read_text() == "患者 5\n"
    assert capsys.readouterr().err == "患者 5\n"


@pytest.mark.slow
def test_a_failed_run_names_its_log(tmp_path):
    """The folder holds no config.yaml, so both ranks fail."""
    with pytest.raises(UserError, match=r"ended with status 1; read .*/launch\.log"):
        launch.launch(tmp_path, hardware(devices=2), run=print)
    assert "config.yaml" in (tmp_path / "launch.log").read_text()


def test_two_machines_need_more_than_a_local_launcher():
    with pytest.raises(ConfigError, match=r"hardware\.nodes=2, but hardware\.launcher=local"):
        hardware(nodes=2)


def test_no_count_may_be_zero():
    with pytest.raises(ConfigError) as refusal:
        hardware(devices=0, micro_batch=0)
    assert refusal.value.problems == (
        "hardware.devices=0 must be at least 1",
        "hardware.micro_batch=0 must be at least 1",
    )


@pytest.mark.parametrize(("micro_batch", "shares"), [(None, (10, 1)), (5, (5, 2)), (1, (1, 10))])
def test_a_device_takes_its_share_whole_or_in_micro_batches(micro_batch, shares):
    """A global batch of 20 on two devices: 10 rows each."""
    assert hardware(devices=2, micro_batch=micro_batch).accumulation(20) == shares
