from datetime import timedelta

import pytest
import torch
from lightning_fabric.plugins.environments import (
    LightningEnvironment,
    SLURMEnvironment,
    TorchElasticEnvironment,
)

from medllm.parallel.portable import Replicated, Single
from medllm.parallel.sharded import Sharded
from medllm.parallel.strategy import environment, strategy
from tests.parallel.trials import hardware


@pytest.mark.parametrize(
    ("settings", "kind"),
    [
        ({"devices": 1}, LightningEnvironment),
        ({"devices": 2}, TorchElasticEnvironment),
        ({"devices": 2, "launcher": "torchrun"}, TorchElasticEnvironment),
    ],
)
def test_the_launcher_alone_decides_who_tells_a_process_its_rank(settings, kind, monkeypatch):
    monkeypatch.setenv("SLURM_JOB_ID", "7")  # as in an interactive allocation
    assert type(environment(hardware(**settings))) is kind


def test_under_slurm_lightning_does_not_requeue(slurm):
    made = environment(hardware(launcher="slurm", slurm=slurm))
    assert isinstance(made, SLURMEnvironment)
    assert made.auto_requeue is False


@pytest.fixture
def slurm():
    from medllm.hardware import Slurm

    return Slurm(
        partition=None, account=None, qos=None, time="1:00:00", gres=None, constraint=None,
        cpus=1, memory=None, container=None, flags={}, environment="", cpu_partition=None,
        grace=60,
    )  # fmt: skip


@pytest.mark.parametrize("name", ["ddp", "zero3", "fsdp2"])
def test_one_process_has_nothing_to_spread(name):
    made = strategy(hardware(devices=1, strategy=name), clip=1.0)
    assert isinstance(made, Single)
    assert made.root_device == torch.device("cpu")


@pytest.mark.parametrize(("name", "kind"), [("ddp", Replicated), ("fsdp2", Sharded)])
def test_a_collective_may_take_as_long_as_the_hardware_says(name, kind):
    made = strategy(hardware(devices=2, strategy=name, timeout=77), clip=1.0)
    assert isinstance(made, kind)
    assert made._timeout == timedelta(seconds=77)


@pytest.mark.slow
@pytest.mark.parametrize("stage", [1, 2, 3])
def test_deepspeed_clips_and_offloads_as_it_is_told(stage):
    made = strategy(
        hardware(devices=2, strategy=f"zero{stage}", offload="optimizer", timeout=77), clip=0.5
    )
    assert made._timeout == timedelta(seconds=77)
    assert made.config["gradient_clipping"] == 0.5
    assert made.config["zero_optimization"]["stage"] == stage
    assert made.config["zero_optimization"]["offload_optimizer"]["device"] == "cpu"
    assert "offload_param" not in made.config["zero_optimization"]
