"""Memory and disks that run out, really, and what the user is told."""

import errno
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from medllm.errors import UserError
from medllm.stage import faults
from tests.conftest import REPO


@pytest.fixture
def disk(tmp_path):
    """A file system of 1 MB."""
    place = tmp_path / "disk"
    place.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(place)]
    if os.geteuid() or subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("only root may mount a small tmpfs")
    yield place
    # Lazily: torch's writer, once it has failed, keeps its file open as long as its exception.
    subprocess.run(["umount", "--lazy", str(place)], check=True)


def told(act, *, where="starting", suggestion="try less"):
    """What a user hears when `act` goes wrong."""
    with (
        pytest.raises(UserError) as caught,
        faults.told(Path("/runs/a"), where=lambda: where, suggestion=lambda: suggestion),
    ):
        act()
    return str(caught.value)


LIMITED = """
import resource, sys
import numpy as np, torch
from pathlib import Path
from medllm.errors import UserError
from medllm.stage import faults
resource.setrlimit(resource.RLIMIT_AS, (6 << 30, 6 << 30))
acts = {"torch": lambda: torch.ones(4 << 30), "numpy": lambda: np.ones(4 << 30),
        "python": lambda: bytearray(32 << 30)}
for name, act in acts.items():
    try:
        with faults.told(Path("/runs/a"), where=lambda: "after step 7, training on a micro-batch "
                         "of 8 x 2048 tokens", suggestion=lambda: "hardware.micro_batch=4 fits"):
            act()
    except faults.OutOfMemory as error:
        print(name, error.status, error)
"""


@pytest.mark.slow
def test_memory_that_runs_out_is_told_with_the_step_the_shape_and_what_would_fit():
    """Under a real limit of 6 GiB of addresses, by torch, numpy and Python itself."""
    said = subprocess.run(
        [sys.executable, "-c", LIMITED], env={**os.environ, "PYTHONPATH": str(REPO)},
        capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip
    where = "out of memory after step 7, training on a micro-batch of 8 x 2048 tokens: "
    for name in ("torch", "numpy", "python"):
        assert f"{name} 2 {where}" in said
    assert "can't allocate memory" in said
    assert said.count("hardware.micro_batch=4 fits") == 3


def test_a_gpu_without_memory_is_told_too():
    def act():
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 MiB.\nGPU 0 has")

    said = told(act, suggestion="hardware.strategy=zero3 fits")
    assert said == (
        "out of memory starting: CUDA out of memory. Tried to allocate 20.00 MiB.\n"
        "  hardware.strategy=zero3 fits"
    )


@pytest.mark.parametrize("writer", ["bytes", "torch", "safetensors"])
def test_a_full_disk_is_told_with_the_key_to_change(disk, writer):
    tensor = torch.zeros(1 << 20)
    write = {
        "bytes": lambda: (disk / "metrics.csv").write_bytes(bytes(2 << 20)),
        "torch": lambda: torch.save({"a": tensor}, disk / "rank-0.pt"),
        "safetensors": lambda: save_file({"a": tensor}, disk / "model.safetensors"),
    }
    said = told(write[writer], where="after step 7, saving")
    assert "no space left on the disk of /runs/a, after step 7, saving" in said
    assert "last whole checkpoint is kept" in said
    assert "change paths.runs" in said


def test_a_quota_is_a_full_disk():
    assert faults.is_disk_full(OSError(errno.EDQUOT, "Disk quota exceeded"))


def test_other_errors_pass():
    with (
        pytest.raises(KeyError, match="a bug"),
        faults.told(Path("/runs/a"), where=str, suggestion=str),
    ):
        raise KeyError("a bug")


def test_a_folder_that_cannot_be_written_is_refused(tmp_path, disk):
    subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)
    with pytest.raises(UserError, match=r"cannot write to .*/disk/run: Read-only .*paths\.runs"):
        faults.check_folder(disk / "run")
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match=r"cannot write to .*/file/run: Not a directory"):
        faults.check_folder(tmp_path / "file/run")


def test_a_disk_without_room_is_refused_before_training(disk):
    faults.check_folder(disk / "run", needed=1 << 19)
    with pytest.raises(UserError, match=r"/disk/run will need 2\.0 GiB, and 0\.0 GiB are free"):
        faults.check_folder(disk / "run", needed=2 << 30)
