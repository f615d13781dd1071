"""In which types a model is kept and computes."""

import torch
from pytorch_lightning.plugins.precision import HalfPrecision, Precision

from medllm.hardware import Hardware


def precision(hardware: Hardware) -> Precision | None:
    """What stands in for Lightning's own precision; None where that serves."""
    plain = hardware.processes == 1 or hardware.strategy == "ddp"
    return FrozenHalf("bf16-true") if plain and hardware.precision == "bf16-true" else None


class FrozenHalf(HalfPrecision):
    """bfloat16 for what is frozen; adapters stay in float32, as PEFT makes them.

    bfloat16 has 8 bits of mantissa: an update of less than 1/256 of a weight is lost to rounding.
    DeepSpeed keeps float32 originals of its own.
    """

    def convert_module(self, module: torch.nn.Module) -> torch.nn.Module:
        learnt = [parameter for parameter in module.parameters() if parameter.requires_grad]
        exact = [parameter.detach().clone() for parameter in learnt]
        module = super().convert_module(module)
        for parameter, before in zip(learnt, exact, strict=True):
            parameter.data = before
        return module
