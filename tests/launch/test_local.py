import os
import signal
import subprocess
import sys
import time

import pytest

from medllm.errors import ConfigError, Stopped, UserError
from medllm.journal import Journal
from medllm.launch import local
from tests.launch.made import hardware


def test_one_device_runs_in_this_process(tmp_path):
    started = []
    local.launch(tmp_path, hardware(), started.append)
    assert started == [tmp_path]


def test_two_devices_run_under_torchrun(tmp_path):
    assert local.command(tmp_path, hardware(devices=2)) == [
        sys.executable,
        "-m",
        "medllm.launch.torchrun",
        "--standalone",
        "--nproc-per-node=2",
        "--signals-to-handle=SIGINT,SIGTERM,SIGUSR1",
        "--shutdown-timeout=120",
        "-m",
        "medllm.run",
        str(tmp_path),
    ]


def test_four_nodes_meet_at_the_first_under_the_name_of_the_run(tmp_path):
    run_dir = tmp_path / "1a2b3c4d"
    spread = hardware(launcher="torchrun", nodes=4, devices=8, head="node1:29500")
    assert local.command(run_dir, spread) == [
        sys.executable,
        "-m",
        "medllm.launch.torchrun",
        "--nnodes=4",
        "--rdzv-backend=c10d",
        "--rdzv-endpoint=node1:29500",
        "--rdzv-id=1a2b3c4d",
        "--nproc-per-node=8",
        "--signals-to-handle=SIGINT,SIGTERM,SIGUSR1",
        "--shutdown-timeout=120",
        "-m",
        "medllm.run",
        str(run_dir),
    ]


def test_what_to_type_on_the_other_nodes_is_said(tmp_path):
    spread = hardware(launcher="torchrun", nodes=4, threads=2, head="node1:29500")
    said = local.elsewhere(["python", "-m", "x", "/a folder"], spread)
    assert said == "on each of the 3 other nodes: OMP_NUM_THREADS=2 python -m x '/a folder'"


def test_one_device_can_be_started_alone(tmp_path):
    assert local.command(tmp_path, hardware()) == [
        sys.executable,
        "-m",
        "medllm.run",
        str(tmp_path),
    ]


def test_a_process_is_heard_on_the_terminal_and_in_the_log(tmp_path, capsys):
    log = tmp_path / "launch.log"
    script = "import os, sys; print('患者', os.environ['OMP_NUM_THREADS']); sys.exit(3)"
    status = local.tee([sys.executable, "-X", "utf8", "-c", script], log, threads=5)
    assert status == 3
    assert log.read_text() == "患者 5\n"
    assert capsys.readouterr().err == "患者 5\n"


@pytest.mark.parametrize(("told", "heard"), [(signal.SIGUSR1, 10), (signal.SIGHUP, 15)])
def test_what_we_are_told_a_process_is_told_and_waited_for(tmp_path, told, heard):
    """The process tells its parent, this test, as if a user did; USR1 is 10, TERM 15."""
    script = (
        "import os, signal, sys, time\n"
        f"signal.signal({heard}, lambda number, frame: sys.exit(number))\n"
        f"os.kill(os.getppid(), {int(told)})\n"
        "time.sleep(60)"
    )
    before = signal.getsignal(told)
    log = tmp_path / "launch.log"
    assert local.tee([sys.executable, "-c", script], log, threads=1) == heard
    assert signal.getsignal(told) == before


def test_a_run_that_was_told_to_stop_can_go_on(tmp_path):
    Journal(tmp_path).failed(step=7, kind="Stopped", message="saved at step 7 of 9")
    said = local.ending(tmp_path, 75, tmp_path / "launch.log")
    assert isinstance(said, Stopped)
    assert said.status == 75
    assert str(said) == (
        f"the run in {tmp_path} has stopped: saved at step 7 of 9; the same command goes on with it"
    )


def test_a_run_that_failed_says_why_and_names_its_log(tmp_path):
    Journal(tmp_path).failed(step=7, kind="Diverged", message="loss is nan at step 7")
    said = local.ending(tmp_path, 2, tmp_path / "launch.log")
    assert not isinstance(said, Stopped)
    assert str(said) == (
        f"the run in {tmp_path} ended with status 2: loss is nan at step 7; "
        f"read {tmp_path}/launch.log"
    )


@pytest.mark.slow
def test_torchrun_ends_as_its_first_failing_rank_did(tmp_path):
    """Rank 1 ends with 75 and rank 0 is told to end, which it does with 143."""
    script = tmp_path / "rank.py"
    script.write_text(
        "import os, signal, sys, time\n"
        "signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(143))\n"
        "time.sleep(0.5 if os.environ['RANK'] == '1' else 60)\n"
        "sys.exit(75)\n"
    )
    words = ["--standalone", "--nproc-per-node=2", str(script)]
    argv = [sys.executable, "-m", "medllm.launch.torchrun", *words]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 75
    assert "Root Cause" in done.stderr


@pytest.mark.slow
def test_what_torchrun_is_told_its_ranks_are_told(tmp_path):
    script = tmp_path / "rank.py"
    script.write_text(
        "import os, pathlib, signal, sys, time\n"
        "at = pathlib.Path(os.environ['SAID'])\n"
        "signal.signal(signal.SIGUSR1, lambda n, f: [(at / 'heard').touch(), sys.exit(1)])\n"
        "(at / 'ready').touch()\n"
        "time.sleep(60)\n"
    )
    words = ["--standalone", "--signals-to-handle=SIGINT,SIGTERM,SIGUSR1", str(script)]
    argv = [sys.executable, "-m", "medllm.launch.torchrun", *words]
    with subprocess.Popen(argv, env={**os.environ, "SAID": str(tmp_path)}) as process:
        deadline = time.monotonic() + 60
        while not (tmp_path / "ready").exists() and time.monotonic() < deadline:
            time.sleep(0.1)
        process.send_signal(signal.SIGUSR1)
        assert process.wait(60) == 75
    assert (tmp_path / "heard").exists()


@pytest.mark.slow
def test_a_failed_run_names_its_log(tmp_path):
    """The folder holds no config.yaml, so both ranks fail."""
    with pytest.raises(UserError, match=r"ended with status 1; read .*/launch\.log"):
        local.launch(tmp_path, hardware(devices=2), run=print)
    assert "config.yaml" in (tmp_path / "launch.log").read_text()


def test_two_machines_need_more_than_a_local_launcher():
    with pytest.raises(ConfigError, match=r"hardware\.nodes=2, but hardware\.launcher=local"):
        hardware(nodes=2)


def test_two_machines_under_torchrun_need_a_place_to_meet():
    with pytest.raises(ConfigError, match=r"set hardware\.head=HOST:PORT of the first node"):
        hardware(nodes=2, launcher="torchrun")


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
