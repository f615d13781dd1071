"""ZeRO of DeepSpeed: the optimiser (1), gradients (2) and weights (3) in shares.

Lightning 2.6.6 would run it on GPUs only, and divides gradients once too often. DeepSpeed's own
checkpoints are not used, for they hold for one number of processes: `safe_get_full_*` puts weights
together, one at a time. With bfloat16 its float32 originals start from rounded weights.
"""

from argparse import Namespace
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import deepspeed
import pytorch_lightning as pl
import torch
from deepspeed.utils import (
    safe_get_full_fp32_param,
    safe_get_full_optimizer_state,
    safe_set_full_fp32_param,
    safe_set_full_optimizer_state,
)
from lightning_fabric.utilities.seed import reset_seed
from pytorch_lightning.strategies import DDPStrategy, DeepSpeedStrategy

from medllm.parallel.loading import spread
from medllm.parallel.portable import Portable, trained

MOMENTS = ("exp_avg", "exp_avg_sq")  # beside "step", which all weights share


class Zero(Portable, DeepSpeedStrategy):
    """DeepSpeed's engine, on processors too.

    stage: 1, 2 or 3.
    offload: "optimizer" keeps its state in the processor's memory; "all" the weights as well.
    clip: largest norm of a gradient. The engine clips; the norm is left in the stage.
    """

    def __init__(self, stage: int, *, offload: str, clip: float, timeout: timedelta) -> None:
        super().__init__(
            stage=stage,
            offload_optimizer=offload != "none",
            offload_parameters=offload == "all",
            logging_batch_size_per_gpu=1,  # or Lightning asks the loader, which has none
            timeout=timeout,
        )
        assert isinstance(self.config, dict), "made above"
        # Ours is torch's AdamW wherever its state lies.
        self.config |= {"gradient_clipping": clip, "zero_force_ds_cpu_optimizer": False}

    def setup_environment(self) -> None:
        DDPStrategy.setup_environment(self)  # Lightning's own refuses processors

    def setup_distributed(self) -> None:
        reset_seed()
        self.set_world_ranks()
        self._init_deepspeed_distributed()

    @contextmanager
    def model_sharded_context(self) -> Iterator[None]:
        yield  # the network is made whole, and partitioned in `setup`

    def setup(self, trainer: pl.Trainer) -> None:
        if self.zero_stage_3:
            self._init_config_if_needed()
            self._partition(self._module)
        super().setup(trainer)

    def init_deepspeed(self) -> None:
        self._initialize_deepspeed_train(self._module)  # without the warning that it will clip

    def backward(
        self, closure_loss: torch.Tensor, optimizer: Any, *args: Any, **kwargs: Any
    ) -> None:
        # Lightning has divided by the accumulated micro-batches; the engine would do so again.
        super().backward(closure_loss, optimizer, *args, scale_wrt_gas=False, **kwargs)

    def optimizer_step(
        self, optimizer: Any, closure: Callable[[], Any], model: Any = None, **kwargs: Any
    ) -> Any:
        result = super().optimizer_step(optimizer, closure, model, **kwargs)
        norm = self.deepspeed_engine.get_global_grad_norm()
        if norm is not None:  # there is none before the first step is whole
            self._module.gradient_norm = torch.as_tensor(norm)
        return result

    def save_checkpoint(
        self, checkpoint: dict[str, Any], filepath: str | Path, storage_options: Any = None
    ) -> None:
        self._link()
        super().save_checkpoint(checkpoint, filepath, storage_options)

    def weight(self, parameter: torch.nn.Parameter) -> torch.Tensor:
        whole = safe_get_full_fp32_param(parameter)
        assert whole is not None, "trained weights have a float32 original"
        return whole

    def moments(self, parameter: torch.nn.Parameter) -> dict[str, torch.Tensor]:
        found: Any = {key: safe_get_full_optimizer_state(parameter, key) for key in MOMENTS}
        return {**found, "step": self._states()[self._shares()[0]]["step"]}

    def put_weight(self, parameter: torch.nn.Parameter, whole: torch.Tensor) -> None:
        """The float32 original, and the copy that computes."""
        whole = whole.to(self.root_device)
        with torch.no_grad():
            if self.zero_stage_3:
                share = self._share(parameter, whole)
                deepspeed.utils.safe_set_local_fp32_param(parameter, share)
                parameter.ds_tensor.data.copy_(share)  # pyright: ignore
            else:
                safe_set_full_fp32_param(parameter, whole)
            if parameter.shape == whole.shape:  # all of it is here, for now or always
                parameter.data.copy_(whole)

    def put_moments(self, moments: Mapping[str, Mapping[str, torch.Tensor]]) -> None:
        step = next(iter(moments.values()))["step"]
        for share in self._shares():  # as AdamW would at its first step
            self._states()[share] = {key: torch.zeros_like(share) for key in MOMENTS}
            self._states()[share]["step"] = step.clone()
        self._link()
        for name, parameter in trained(self._module):
            for key in MOMENTS:
                self._put_moment(parameter, key, moments[name][key].to(self.root_device))

    def _put_moment(self, parameter: torch.nn.Parameter, key: str, whole: torch.Tensor) -> None:
        if self.zero_stage_3:
            share = self._share(parameter, whole)
            deepspeed.utils.safe_set_local_optimizer_state(parameter, share, key)
        else:
            safe_set_full_optimizer_state(parameter, whole, key)

    def _share(self, parameter: Any, whole: torch.Tensor) -> torch.Tensor:
        """This rank's share of a weight: the last is filled up with zeros.

        DeepSpeed 0.19.8 does not fill it up in `safe_set_full_fp32_param`, and fails.
        """
        size = parameter.ds_tensor.numel()
        missing = size * self.world_size - whole.numel()
        return torch.nn.functional.pad(whole.flatten(), (0, missing)).split(size)[self.global_rank]

    def _link(self) -> None:
        """Let weights know where the optimiser keeps what it has of them.

        DeepSpeed 0.19.8 does so after the first step of the first group, when others have nothing.
        """
        optimizer: Any = self.optimizers[0]
        if not self.zero_stage_3:
            optimizer._hp_optimizer_states_linked = False
            optimizer._lazy_init_hp_params_optimizer_state()

    def _shares(self) -> list[torch.Tensor]:
        """What the optimiser really trains: this rank's weights, end to end, by group."""
        optimizer: Any = self.optimizers[0]
        if self.zero_stage_3:
            return optimizer.fp32_partitioned_groups_flat
        return optimizer.single_partition_of_fp32_groups

    def _states(self) -> dict[torch.Tensor, dict[str, torch.Tensor]]:
        optimizer: Any = self.optimizers[0]
        return optimizer.optimizer.state

    def _partition(self, module: torch.nn.Module) -> None:
        """Send the weights around one at a time; every rank keeps its share of each."""
        partition = deepspeed.zero.Init(module=torch.nn.Module(), config_dict_or_path=self.config)
        for parameter in module.parameters():
            parameter.data = spread(parameter, device=self.root_device)
            partition._convert_to_zero_parameters([parameter])
        for buffer in module.buffers():
            buffer.data = buffer.to(self.root_device)

    def _setup_model_and_optimizer(
        self, model: torch.nn.Module, optimizer: Any, lr_scheduler: Any = None
    ) -> tuple[Any, Any]:
        # As in Lightning, but for the rank: the device of a processor has no index.
        engine, made, _, _ = deepspeed.initialize(
            args=Namespace(device_rank=self.local_rank),
            config=self.config,
            model=model,
            model_parameters=[p for _, p in trained(model)],  # pyright: ignore[reportArgumentType]
            optimizer=optimizer,
            lr_scheduler=lr_scheduler,
            dist_init_required=False,
        )
        return engine, made
