"""A run on a disk that fills up is told of, keeps its last checkpoint, and goes on given room."""

import os
import subprocess

import pytest

from medllm import config
from medllm.attempt import Attempt
from medllm.checkpoint import folder as checkpoints
from medllm.errors import UserError
from medllm.prepare import prepare
from medllm.train import freeze
from tests.stage.guarded import At
from tests.stage.test_layouts import SMALL, STAGES


@pytest.fixture
def disk(tmp_path):
    """A file system of 12 MB."""
    place = tmp_path / "disk"
    place.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=12m", "tmpfs", str(place)]
    if os.geteuid() or subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("only root may mount a small tmpfs")
    yield place
    subprocess.run(["umount", "--lazy", str(place)], check=True)


class Filling(Attempt):
    """An attempt during which somebody else fills the disk, after step 3."""

    def _callbacks(self, tracker):
        return [*super()._callbacks(tracker), At(3, self.fill)]

    def fill(self):
        with open(self.run_dir / "ballast", "wb", buffering=0) as file:
            while file.write(bytes(4096)) == 4096:
                pass


@pytest.mark.slow
def test_a_full_disk_is_told_and_the_run_goes_on_once_there_is_room(tmp_path, disk):
    cfg = config.compose(
        "train",
        [
            *SMALL, *STAGES["sft"], "checkpointing.steps=1", f"paths.runs={disk}",
            *[f"paths.{place}={tmp_path / place}" for place in ("corpora", "stores")],
        ],
    )  # fmt: skip
    run_dir = disk / config.run_id(cfg)
    freeze(cfg, prepare(cfg), run_dir)
    with pytest.raises(UserError) as caught:
        Filling(run_dir, 0).train()
    assert f"no space left on the disk of {run_dir}" in str(caught.value)
    assert "change paths.runs" in str(caught.value)
    kept = checkpoints.newest(run_dir / "checkpoints", sets_aside=True)
    assert kept is not None
    assert kept.step == 3

    (run_dir / "ballast").unlink()
    again = Attempt(run_dir, 0)
    assert again.start == 3
    again.train()
    assert (run_dir / "done.json").exists()
