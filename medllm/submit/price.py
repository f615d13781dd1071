"""What a run may cost, told before it is queued."""

from collections.abc import Mapping
from dataclasses import dataclass

from omegaconf import DictConfig

from medllm import config
from medllm.hardware import Hardware


@dataclass(frozen=True, slots=True, kw_only=True)
class Price:
    """None: not known.

    device: GPU or process.
    limit: device-hours until Slurm ends one job; None where nobody ends it.
    hours: device-hours that the whole run presumably takes.
    tokens: read in the whole run, known once its rows are there.
    memory: bytes of a device.
    fits: whether a device has that much.
    disk: bytes of checkpoints and export.
    """

    device: str
    limit: float | None
    hours: float | None
    tokens: int | None
    memory: int | None
    fits: bool | None
    disk: int | None

    def told(self) -> list[str]:
        """What is known, in words."""
        short = "" if self.fits is not False else f", more than a {self.device} has"
        return [
            *([f"{amount(self.tokens)} tokens"] if self.tokens else []),
            *([f"{amount(self.memory)}B a {self.device}{short}"] if self.memory else []),
            *hours(self.limit, self.hours, self.device),
            *([f"{amount(self.disk)}B of disk"] if self.disk else []),
        ]


def price(cfg: DictConfig, earlier: Mapping[str, DictConfig]) -> Price:
    """What the run that `cfg` composes may cost.

    Args:
        earlier: configs of the runs before it that are not trained yet, by id.
    """
    from medllm.estimate.architecture import Unknown
    from medllm.estimate.cost import cost
    from medllm.estimate.memory import memory

    need, spent = memory(cfg, earlier), cost(cfg, earlier)
    is_known = not isinstance(need, Unknown)
    return Price(
        device=device(cfg),
        limit=limit(config.instantiate(cfg.hardware)),
        hours=spent.gpu_hours_expected,
        tokens=spent.tokens,
        memory=need.total if is_known else None,
        fits=need.fits if is_known else None,
        disk=spent.disk_bytes,
    )


def device(cfg: DictConfig) -> str:
    return "GPU" if cfg.hardware.accelerator == "gpu" else "process"


def limit(hardware: Hardware) -> float | None:
    """Device-hours that one job may take; None where nothing ends it."""
    return hardware.processes * hardware.slurm.seconds / 3600 if hardware.slurm else None


def hours(limit: float | None, presumed: float | None, device: str) -> list[str]:
    """Hours at most (≤), and presumably (≈), as far as they are known."""
    most = [] if limit is None else [f"≤ {limit:,.3g}"]
    about = [] if presumed is None else [f"≈ {presumed:,.2g}"]
    return [f"{', '.join([*most, *about])} {device}-hours"] if most or about else []


def amount(number: float) -> str:
    """Three digits and a letter: 1.23 G."""
    letters = ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k"))
    size, letter = next((each for each in letters if number >= each[0]), (1, ""))
    return f"{number / size:.3g} {letter}"
