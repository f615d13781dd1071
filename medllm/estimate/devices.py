"""Kinds of GPU: memory and peak speed.

Sources are NVIDIA's datasheets and architecture whitepapers, for the SXM form where there are
several; rates without sparsity, with float32 accumulation. float32 is computed in full, not as
TF32, since nothing in medllm asks for less. Check one with `nvidia-smi`, and
`torch.cuda.get_device_properties(0).total_memory`, which is up to 2 % below what is written here.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass

from medllm.config.check import perhaps
from medllm.errors import ConfigError
from medllm.hardware import Hardware

GIB = 2**30


@dataclass(frozen=True, slots=True)
class Device:
    """memory: bytes. flops: per second at best, by type: bf16, fp32; one it has not is missing."""

    memory: int
    flops: Mapping[str, float]


def _device(gib: float, *, bf16: float | None, fp32: float) -> Device:
    rates = {"bf16": bf16, "fp32": fp32}
    return Device(int(gib * GIB), {kind: rate for kind, rate in rates.items() if rate is not None})


DEVICES: Mapping[str, Device] = {
    "v100-16": _device(16, bf16=None, fp32=15.7e12),  # V100 datasheet (SXM2): float16 only, 125
    "v100": _device(32, bf16=None, fp32=15.7e12),
    "a100-40": _device(40, bf16=312e12, fp32=19.5e12),  # A100 datasheet, r4
    "a100-80": _device(80, bf16=312e12, fp32=19.5e12),
    "a800": _device(80, bf16=312e12, fp32=19.5e12),  # an A100 with slower links
    "h100": _device(79.6, bf16=989.4e12, fp32=66.9e12),  # H100 datasheet, SXM5: 1,979 with sparsity
    "h100-pcie": _device(79.6, bf16=756e12, fp32=51.2e12),
    "h800": _device(79.6, bf16=989.4e12, fp32=66.9e12),  # an H100 with slower links
    "h20": _device(95.6, bf16=148e12, fp32=44e12),  # H20 datasheet
    "h200": _device(140.4, bf16=989.4e12, fp32=66.9e12),  # H200 datasheet, SXM
    "b200": _device(179, bf16=2250e12, fp32=75e12),  # HGX B200 datasheet: 36 PFLOP/s of 8, sparse
    # GDDR6 with error correction on keeps 1/16 of its memory for itself.
    "a10": _device(22.5, bf16=125e12, fp32=31.2e12),  # A10 datasheet
    "a40": _device(45, bf16=149.7e12, fp32=37.4e12),  # A40 datasheet
    "l40": _device(45, bf16=181e12, fp32=90.5e12),  # L40 datasheet
    "l40s": _device(45, bf16=362e12, fp32=91.6e12),  # L40S datasheet: 733 with sparsity
    "a6000": _device(48, bf16=154.8e12, fp32=38.7e12),  # RTX A6000, GA102 whitepaper
    "rtx3090": _device(24, bf16=71e12, fp32=35.6e12),  # GA102 whitepaper, appendix A
    "rtx4090": _device(24, bf16=165.2e12, fp32=82.6e12),  # Ada whitepaper, appendix A
}


def device(hardware: Hardware) -> Device | None:
    """The kind of GPU that `hardware` names; None for none.

    Raises:
        ConfigError: nobody here knows it, or it cannot compute in this precision.
    """
    name = hardware.device
    if hardware.accelerator == "cpu" or name is None:
        return None
    if name not in DEVICES:
        raise ConfigError([f"hardware.device={name} is not known{perhaps(name, DEVICES)}"])
    if hardware.precision.startswith("bf16") and "bf16" not in DEVICES[name].flops:
        raise ConfigError(
            [
                f"hardware.device={name} has no bf16, so hardware.precision={hardware.precision} "
                "cannot be; set hardware.precision=32-true"
            ]
        )
    return DEVICES[name]


def capacity(hardware: Hardware) -> int | None:
    """Bytes that one device has; of processors, an equal part of a node's memory."""
    if hardware.accelerator == "gpu":
        known = device(hardware)
        return None if known is None else known.memory
    if hardware.launcher != "slurm":
        node: int | None = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    else:
        node = hardware.slurm.bytes if hardware.slurm else None
    return None if node is None else node // hardware.devices


def peak_flops(hardware: Hardware) -> float | None:
    """Floating-point operations that one device does in a second at best; None if unknown."""
    known = device(hardware)
    kind = {"bf16-true": "bf16", "bf16-mixed": "bf16", "32-true": "fp32"}.get(hardware.precision)
    return known.flops.get(kind) if known and kind else None
