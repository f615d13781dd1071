"""Checkpoints that any layout can go on from, for every strategy alike.

    counters.pt                 what Lightning keeps: steps, schedule, callbacks; no pickled objects
    trained-0.safetensors       name             a trained weight, whole
    trained-1.safetensors ...   name|exp_avg     and what the optimiser keeps of it, whole

Every process writes some of the tensors; it puts together one at a time, and keeps those of its
file in memory until it is written. Frozen weights are not in it: they come from where the run
started. DeepSpeed's own checkpoints would hold for one number of processes, and are unpickled.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
import torch
from pytorch_lightning.strategies import DDPStrategy, SingleDeviceStrategy, Strategy
from safetensors import safe_open
from safetensors.torch import save_file
from torch.distributed.tensor import DTensor, distribute_tensor

COUNTERS = "counters.pt"


class Portable(Strategy):
    """A strategy whose checkpoints know nothing of it. Mixed into those of Lightning, before them.

    As it stands it is for optimisers of PyTorch, with weights whole or sharded as DTensor.
    """

    @property
    def restore_checkpoint_after_setup(self) -> bool:
        return True

    @property
    def lightning_restore_optimizer(self) -> bool:
        return True

    def weight(self, parameter: torch.nn.Parameter) -> torch.Tensor:
        """All of a trained weight, in the precision it is trained in; called on all ranks."""
        return _whole(parameter.detach())

    def moments(self, parameter: torch.nn.Parameter) -> dict[str, torch.Tensor]:
        """All of what the optimiser keeps of a weight, by name; called on all ranks."""
        state = self.optimizers[0].state[parameter]
        return {key: _whole(tensor) for key, tensor in state.items()}

    def put_weight(self, parameter: torch.nn.Parameter, whole: torch.Tensor) -> None:
        """Make `whole` the value of a weight, or this rank's share of it."""
        with torch.no_grad():
            _local(parameter).copy_(_local(_like(whole, parameter)))

    def put_moments(self, moments: Mapping[str, Mapping[str, torch.Tensor]]) -> None:
        """Make `moments`, by name of weight and of moment, the state of the optimiser."""
        optimizer = self.optimizers[0]
        names = {parameter: name for name, parameter in trained(self._module)}
        state = optimizer.state_dict()
        order = [p for group in optimizer.param_groups for p in group["params"]]
        for number, parameter in enumerate(order):
            state["state"][number] = {
                key: _like(tensor, parameter).clone()  # not the file's own memory
                for key, tensor in moments[names[parameter]].items()
            }
        optimizer.load_state_dict(state)

    def lightning_module_state_dict(self) -> dict[str, Any]:
        return {}  # the weights have files of their own

    def optimizer_state(self, optimizer: torch.optim.Optimizer) -> dict[str, Any]:
        return {"rates": [float(group["lr"]) for group in optimizer.param_groups]}

    def save_checkpoint(
        self, checkpoint: dict[str, Any], filepath: str | Path, storage_options: Any = None
    ) -> None:
        folder = Path(filepath)
        if self.is_global_zero:
            folder.mkdir(parents=True, exist_ok=True)
            torch.save(checkpoint, folder / COUNTERS)
        self.barrier()
        rank, world = self._module.global_rank, self._module.trainer.world_size
        mine: dict[str, torch.Tensor] = {}
        for number, (name, parameter) in enumerate(trained(self._module)):
            whole = {name: self.weight(parameter)}
            whole |= {f"{name}|{key}": each for key, each in self.moments(parameter).items()}
            if number % world == rank:
                mine |= {key: each.to("cpu", copy=True) for key, each in whole.items()}
        save_file(mine, folder / f"trained-{rank}.safetensors")

    def load_checkpoint(
        self, checkpoint_path: str | Path, weights_only: bool | None = None
    ) -> dict[str, Any]:
        self._saved = Path(checkpoint_path)
        return torch.load(self._saved / COUNTERS, map_location="cpu", weights_only=True)

    def load_model_state_dict(self, checkpoint: Mapping[str, Any], strict: bool = True) -> None:
        parameters = dict(trained(self._module))
        for key, whole in _held(self._saved):
            if "|" not in key:
                self.put_weight(parameters.pop(key), whole)
        assert not parameters, f"{self._saved} lacks {sorted(parameters)}"

    def load_optimizer_state_dict(self, checkpoint: Mapping[str, Any]) -> None:
        moments: dict[str, dict[str, torch.Tensor]] = {}
        for key, whole in _held(self._saved):
            name, is_moment, moment = key.partition("|")
            if is_moment:
                moments.setdefault(name, {})[moment] = whole
        self.put_moments(moments)
        (state,) = checkpoint["optimizer_states"]
        groups = self.optimizers[0].param_groups
        for group, rate in zip(groups, state["rates"], strict=True):
            group["lr"] = rate

    @property
    def _module(self) -> pl.LightningModule:
        assert self.lightning_module is not None, "a trainer has connected its module"
        return self.lightning_module


class Single(Portable, SingleDeviceStrategy):
    """One process: the same as Lightning's."""


class Replicated(Portable, DDPStrategy):
    """Every device has all weights, and the mean of the gradients."""


def trained(module: torch.nn.Module) -> Iterator[tuple[str, torch.nn.Parameter]]:
    """Name and weight of all that is not frozen; of weights shared by layers, the first."""
    return ((name, p) for name, p in module.named_parameters() if p.requires_grad)


def _whole(tensor: torch.Tensor) -> torch.Tensor:
    return tensor.full_tensor() if isinstance(tensor, DTensor) else tensor


def _local(tensor: torch.Tensor) -> torch.Tensor:
    return tensor.to_local() if isinstance(tensor, DTensor) else tensor


def _like(whole: torch.Tensor, parameter: torch.Tensor) -> torch.Tensor:
    """`whole`, sharded as `parameter` is where it has its shape: every rank takes its own share."""
    if not isinstance(parameter, DTensor) or whole.shape != parameter.shape:
        return whole
    return distribute_tensor(whole, parameter.device_mesh, parameter.placements, src_data_rank=None)


def _held(folder: Path) -> Iterator[tuple[str, torch.Tensor]]:
    """Every tensor of a checkpoint; read from the disk only where it is looked at."""
    for file in sorted(folder.glob("trained-*.safetensors")):
        with safe_open(file, framework="pt") as opened:
            for key in opened.keys():  # noqa: SIM118  (not a dict)
                yield key, opened.get_tensor(key)
