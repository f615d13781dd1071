"""FSDP2: weights, gradients and optimiser in shares, each layer put together while it computes."""

from datetime import timedelta

import pytorch_lightning as pl
import torch
from pytorch_lightning.strategies import ModelParallelStrategy
from torch.distributed.fsdp import CPUOffloadPolicy, OffloadPolicy, fully_shard
from torch.distributed.tensor import DTensor

from medllm.parallel.loading import spread
from medllm.parallel.portable import Portable


class Sharded(Portable, ModelParallelStrategy):
    """PyTorch's `fully_shard` over all processes.

    offload: keep the shares in the memory of the processor.
    """

    def __init__(self, processes: int, *, offload: bool, timeout: timedelta) -> None:
        # With offload, gradients are clipped and shares put together in the processor's memory,
        # where nccl cannot reach.
        backend = "cpu:gloo,cuda:nccl" if offload and torch.cuda.is_available() else None
        super().__init__(
            data_parallel_size=processes,
            tensor_parallel_size=1,
            process_group_backend=backend,
            timeout=timeout,
        )
        self.offload = offload

    def setup(self, trainer: pl.Trainer) -> None:
        network = self._module.network
        assert isinstance(network, torch.nn.Module), "configure_model comes first"
        policy = OffloadPolicy()
        if self.offload:
            policy = CPUOffloadPolicy(pin_memory=self.root_device.type == "cuda")
        for module in (*_layers(network), network):
            _complete(module, self.root_device)
            fully_shard(module, mesh=self.device_mesh["data_parallel"], offload_policy=policy)
        super().setup(trainer)

    def model_to_device(self) -> None:
        if not self.offload:
            return super().model_to_device()
        for buffer in self._module.buffers():
            buffer.data = buffer.to(self.root_device)


def _layers(network: torch.nn.Module) -> list[torch.nn.Module]:
    """The parts of `network` that transformers would not split over devices."""
    kinds = set(network._no_split_modules or ())  # pyright: ignore
    return [module for module in network.modules() if type(module).__name__ in kinds]


def _complete(module: torch.nn.Module, device: torch.device) -> None:
    """Give every rank, for a moment, all weights of `module` that are not sharded yet."""
    for parameter in module.parameters():
        if not isinstance(parameter, DTensor):
            parameter.data = spread(parameter, device=device)
