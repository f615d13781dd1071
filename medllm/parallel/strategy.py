"""What Lightning trains with, chosen by the hardware alone.

    processes  strategy
    1          any              Single       (nothing to spread)
    2 or more  ddp              Replicated   (every device has all)
               zero1 2 3        Zero         (DeepSpeed)
               fsdp2            Sharded      (PyTorch's fully_shard)

All run on processors with gloo as on GPUs with nccl.
"""

import os
from datetime import timedelta

import torch
from lightning_fabric.plugins.environments.cluster_environment import ClusterEnvironment
from lightning_fabric.plugins.environments.lightning import LightningEnvironment
from lightning_fabric.plugins.environments.slurm import SLURMEnvironment
from lightning_fabric.plugins.environments.torchelastic import TorchElasticEnvironment

from medllm.hardware import Hardware
from medllm.parallel.portable import Portable, Replicated, Single


def strategy(hardware: Hardware, *, clip: float) -> Portable:
    """The strategy for `hardware`; `clip` is the largest norm of a gradient."""
    timeout = timedelta(seconds=hardware.timeout)
    if hardware.processes == 1:
        return Single(torch.device("cuda", 0) if hardware.accelerator == "gpu" else "cpu")
    if hardware.strategy == "ddp":
        # Buffers are alike everywhere and stay so; sending them cost a message per pass.
        return Replicated(timeout=timeout, broadcast_buffers=False)
    if hardware.strategy == "fsdp2":
        from medllm.parallel.sharded import Sharded

        return Sharded(hardware.processes, offload=hardware.offload == "all", timeout=timeout)
    # DeepSpeed looks for a GPU when it is imported, unless it is told.
    os.environ["DS_ACCELERATOR"] = "cuda" if hardware.accelerator == "gpu" else "cpu"
    from medllm.parallel.zero import Zero

    stage = int(hardware.strategy.removeprefix("zero"))
    return Zero(stage, offload=hardware.offload, clip=clip, timeout=timeout)


def environment(hardware: Hardware) -> ClusterEnvironment:
    """Who tells a process its rank: the launcher of `hardware`, never what happens to be set."""
    if hardware.launcher == "slurm":
        return SLURMEnvironment(auto_requeue=False)
    if hardware.processes == 1:
        return LightningEnvironment()
    return TorchElasticEnvironment()
