"""Loading a model that only one process of all has memory for.

    rank 0          load() -> the network, whole
    other ranks     its modules, received; weights that have a shape, and no memory

The strategy then sends the weights around one at a time, and each rank keeps its share.
"""

import io
import pickle
from collections.abc import Callable
from typing import Any

import torch
import torch.distributed as dist

from medllm.hardware import Hardware


def loaded(load: Callable[[], torch.nn.Module], hardware: Hardware) -> torch.nn.Module:
    """What `load` makes; where weights are sharded, other ranks than 0 get it without its weights.

    To be called on all ranks in `configure_model`. Modules must hold no functions that were
    defined within functions, as hooks often are: hook on to what this returns.
    """
    if hardware.processes == 1 or hardware.strategy not in ("zero3", "fsdp2"):
        return load()
    network = load() if dist.get_rank() == 0 else None
    words = [skeleton(network) if network is not None else b""]
    dist.broadcast_object_list(words, src=0)
    return network if network is not None else pickle.loads(words[0])  # of our own rank 0


def spread(parameter: torch.Tensor, *, device: torch.device) -> torch.Tensor:
    """All of a weight, as rank 0 has it, on every rank's `device`; called on all ranks."""
    if dist.get_rank() == 0:
        whole = parameter.detach().to(device).contiguous()
    else:
        whole = torch.empty(parameter.shape, dtype=parameter.dtype, device=device)
    dist.broadcast(whole, src=0)
    return whole


def skeleton(network: torch.nn.Module) -> bytes:
    """A pickle of a network without the numbers in its weights."""
    words = io.BytesIO()
    _Skeletons(words).dump(network)
    return words.getvalue()


class _Skeletons(pickle.Pickler):
    """Writes modules and buffers as they are, and of weights no more than their shape."""

    def reducer_override(self, obj: Any) -> Any:
        if isinstance(obj, torch.nn.Parameter):
            return _hollow, (obj.shape, obj.dtype, obj.requires_grad)
        return NotImplemented


def _hollow(shape: torch.Size, dtype: torch.dtype, requires_grad: bool) -> torch.nn.Parameter:
    """One number, seen as all numbers of a weight."""
    return torch.nn.Parameter(torch.zeros(1, dtype=dtype).expand(shape), requires_grad)
