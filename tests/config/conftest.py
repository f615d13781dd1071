"""A small package and a small conf/ on disk, read by the real reader and composed by Hydra."""

from textwrap import dedent

import pytest

from medllm import config
from medllm.errors import ConfigError

PACKAGE = {
    "base.py": """
        import torch  # is never imported by a check
        from typing import Literal

        from medllm.optimizer import AdamW

        Schedule = Literal["cosine", "linear"]

        class Stage(torch.nn.Module):
            def __init__(self, model, *, optimizer: AdamW, global_batch: int, clip: float | None):
                ...
        """,
    "parts.py": """
        from dataclasses import dataclass

        @dataclass(frozen=True, kw_only=True)
        class Model:
            path: str

        @dataclass(frozen=True, kw_only=True)
        class Hardware:
            nodes: int
            devices: int
            micro_batch: int
        """,
    "sft.py": """
        from medllm.base import Stage

        class SupervisedTuning(Stage):
            def training_step(self, batch): ...
        """,
    "optimizer.py": """
        from collections.abc import Callable, Mapping, Sequence
        from dataclasses import dataclass
        from medllm.base import Schedule

        @dataclass(frozen=True, kw_only=True)
        class AdamW:
            learning_rate: float
            betas: tuple[float, float] = (0.9, 0.95)
            schedule: Schedule = "cosine"
            is_fused: bool = False
            names: "Sequence[str] | None" = None
            weights: Mapping[str, int] | None = None
            curve: Callable[[int], float] | None = None

        def quota(sizes, *, weights: Mapping[str, int], seed: int): ...
        """,
}
CONF = {
    "train.yaml": """
        defaults:
          - _self_
          - model: null
          - stage: sft
          - hardware: cpu
        name: toy
        seed: 17
        paths:
          runs: runs
          corpora: corpora
        data: null
        hydra: {output_subdir: null}
        """,
    "model/previous.yaml": """
        _target_: medllm.parts.Model
        path: ${paths.runs}/${previous}/export
        """,
    "model/nameless.yaml": "path: x",
    "stage/sft.yaml": """
        _target_: medllm.sft.SupervisedTuning
        _partial_: true
        global_batch: 256
        clip: 1.0
        optimizer:
          _target_: medllm.optimizer.AdamW
          learning_rate: 2.0e-5
        """,
    "hardware/cpu.yaml": """
        _target_: medllm.parts.Hardware
        nodes: 1
        devices: 1
        micro_batch: 8
        """,
    "hardware/big.yaml": """
        _target_: medllm.parts.Hardware
        nodes: 4
        devices: 8
        micro_batch: 1
        """,
}


def write(folder, files):
    for name, text in files.items():
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(dedent(text))


@pytest.fixture
def toy(tmp_path):
    """Composes `conf/train.yaml` of the toy with overrides; `.problems` checks it."""
    write(tmp_path / "medllm", PACKAGE)
    write(tmp_path / "conf", CONF)

    class Toy:
        folder = tmp_path

        @staticmethod
        def compose(*overrides):
            return config.compose("train", overrides, conf=tmp_path / "conf")

        @staticmethod
        def check(cfg):
            config.check(cfg, "train", conf=tmp_path / "conf", package=tmp_path / "medllm")

        def problems(self, *overrides):
            with pytest.raises(ConfigError) as refusal:
                self.check(self.compose(*overrides))
            return list(refusal.value.problems)

    return Toy()
