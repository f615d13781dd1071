"""Hardware: which combinations cannot be, and how every entry of conf/hardware cuts a batch."""

import pytest
from hydra.errors import InstantiationException

from medllm import config
from medllm.errors import ConfigError


def hardware(*overrides):
    cfg = config.compose("train", ["experiments=world/base", *overrides])
    return config.instantiate(cfg.hardware)


def refusals(*overrides):
    with pytest.raises(InstantiationException) as refusal:
        hardware(*overrides)
    assert isinstance(refusal.value.__cause__, ConfigError)  # which medllm.cli looks for
    return list(refusal.value.__cause__.problems)


# Processes; rows of a micro-batch; how many of them are accumulated, of a batch of 3,200 rows as
# PMC-LLaMA's: a100x8n4_fsdp: 3200 / (4 x 8 x 4) = 25.
LAYOUTS = {
    "cpu": (1, 3200, 1),
    "cpu2": (2, 1600, 1),
    "gpu1": (1, 8, 400),
    "h200x1": (1, 8, 400),
    "a100x1": (1, 128, 25),
    "rtx3090x4": (4, 2, 400),
    "a100x8": (8, 4, 100),
    "a100x8_zero1": (8, 4, 100),
    "a100x8_fsdp": (8, 4, 100),
    "a100x8n4": (32, 4, 25),
    "a100x8n4_fsdp": (32, 4, 25),
    "h100x8": (8, 4, 100),
    "h100x8n4": (32, 4, 25),
    "slurm2": (2, 1600, 1),
}


def test_every_hardware_is_listed_here():
    assert set(LAYOUTS) == {file.stem for file in (config.CONF / "hardware").glob("*.yaml")}


@pytest.mark.parametrize(("name", "layout"), LAYOUTS.items(), ids=LAYOUTS)
def test_a_batch_is_cut_into_whole_passes(name, layout):
    cfg = config.compose(
        "train", ["experiments=world/base", "stage.global_batch=3200", f"hardware={name}"]
    )
    config.check(cfg, "train")
    machine = config.instantiate(cfg.hardware)
    assert (machine.processes, *machine.accumulation(3200)) == layout


@pytest.mark.parametrize(
    ("papers", "name", "batch", "accumulated"),
    [
        ("Qilin-Med, preferences: 4 x 8 pairs x 4 passes", "rtx3090x4", 128, 16),
        ("HuatuoGPT-II: 8 x 4 rows x 4 passes", "a100x8_zero1", 128, 4),
        ("BenTsao: 128 rows at once", "a100x1", 128, 1),
        ("PMC-LLaMA, instructions: 256 rows", "a100x8_fsdp", 256, 8),
    ],
)
def test_the_papers_own_steps_are_expressed(papers, name, batch, accumulated):
    assert hardware(f"hardware={name}").accumulation(batch)[1] == accumulated


def test_a_batch_that_cannot_be_cut_is_refused_with_the_nearest_that_can():
    """130 rows over 8 devices x 4 rows = 32 a pass: 128 or 160."""
    cfg = config.compose(
        "train", ["experiments=world/base", "stage.global_batch=130", "hardware=a100x8"]
    )
    with pytest.raises(ConfigError, match=r"nearest that work: stage.global_batch=128 or 160"):
        config.check(cfg, "train")


def test_as_many_gpus_are_asked_for_as_are_used():
    assert hardware("hardware=a100x8").slurm.gres == "gpu:8"
    assert hardware("hardware=a100x8", "hardware.devices=4").slurm.gres == "gpu:4"


@pytest.mark.parametrize(
    ("time", "seconds"),
    [
        ("90", 5400),  # minutes
        ("10:30", 630),  # minutes and seconds
        ("24:00:00", 86400),
        ("2-00", 172800),
        ("1-12:30", 131400),
        ("2-00:00:10", 172810),
    ],
)
def test_a_time_limit_is_read_as_sbatch_reads_it(time, seconds):
    assert hardware("hardware=slurm2", f"hardware.slurm.time='{time}'").slurm.seconds == seconds


@pytest.mark.parametrize(
    ("memory", "size"),
    [("4G", 4 * 2**30), ("2T", 2 * 2**40), ("500", 500 * 2**20), ("64k", 65536), ("0", None)],
)
def test_the_memory_of_a_node_is_read_as_sbatch_reads_it(memory, size):
    assert hardware("hardware=slurm2", f"hardware.slurm.memory='{memory}'").slurm.bytes == size


def test_memory_may_be_left_to_the_cluster():
    assert hardware("hardware=slurm2", "hardware.slurm.memory=null").slurm.bytes is None


REFUSED = {
    "hardware.slurm.time=1day is no time; write minutes, hours:minutes:seconds or": [
        "hardware=slurm2", "hardware.slurm.time=1day",
    ],
    "hardware.slurm.memory=4GiB is no size; write a number with K, M, G or T": [
        "hardware=slurm2", "hardware.slurm.memory=4GiB",
    ],
    "hardware.slurm.grace=120 seconds leave nothing of hardware.slurm.time=2:00; lower it": [
        "hardware=slurm2", "hardware.slurm.time='2:00'",
    ],
    "hardware.devices=0 must be at least 1": ["hardware.devices=0"],
    "hardware.nodes=2, but hardware.launcher=local starts one machine": ["hardware.nodes=2"],
    "hardware.nodes=2 under torchrun need a place to meet": [
        "hardware.nodes=2", "hardware.launcher=torchrun",
    ],
    "hardware.launcher=slurm needs +hardware/slurm=default": ["hardware.launcher=slurm"],
    "hardware.offload=optimizer does not go with hardware.strategy=ddp; use one of zero1": [
        "hardware.offload=optimizer",
    ],
    "hardware.offload=all does not go with hardware.strategy=zero2; use one of zero3, fsdp2": [
        "hardware.strategy=zero2", "hardware.offload=all",
    ],
    "hardware.offload=all needs two processes or more, since one shards nothing": [
        "hardware.strategy=zero3", "hardware.offload=all",
    ],
    "hardware.precision=64-true does not go with hardware.strategy=zero2": [
        "hardware=cpu2", "hardware.strategy=zero2", "hardware.precision=64-true",
    ],
    "hardware.attention=flash_attention_2 runs on GPUs; set hardware.attention=sdpa": [
        "hardware.micro_batch=1", "hardware.precision=bf16-true",
        "hardware.attention=flash_attention_2",
    ],
    "hardware.attention=flash_attention_2 cannot compute in hardware.precision=32-true": [
        "hardware=gpu1", "hardware.micro_batch=1", "hardware.precision=32-true",
        "hardware.attention=flash_attention_2",
    ],
    "hardware.attention=flash_attention_2 finds the seams of packed rows only one row": [
        "hardware=gpu1", "hardware.attention=flash_attention_2",
    ],
}  # fmt: skip


@pytest.mark.parametrize(("message", "overrides"), REFUSED.items(), ids=range(len(REFUSED)))
def test_what_cannot_be_is_refused_by_name(message, overrides):
    (problem,) = refusals(*overrides)
    assert problem.startswith(message)


def test_lightning_refuses_float64_in_shares_too():
    """So that our refusal can go when it does not (2.6)."""
    import pytorch_lightning as pl
    from pytorch_lightning.plugins.precision import DeepSpeedPrecision
    from pytorch_lightning.strategies import ModelParallelStrategy

    with pytest.raises(ValueError, match=r"precision='64-true'.* is not supported"):
        DeepSpeedPrecision("64-true")
    with pytest.raises(ValueError, match=r"does not support .*precision='64-true'"):
        pl.Trainer(accelerator="cpu", strategy=ModelParallelStrategy(), precision="64-true")
