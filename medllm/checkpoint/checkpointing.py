"""When a checkpoint is written, and how many are kept."""

from dataclasses import dataclass

from medllm.errors import ConfigError


@dataclass(frozen=True, kw_only=True)
class Checkpointing:
    """Changes how much is lost when a run is killed, never what it comes to.

    minutes: between two checkpoints by rank 0's clock; None for none by the clock.
    steps: optimiser steps between two checkpoints; None for none by the count.
    keep: newest checkpoints kept while the run goes. All go once the model is exported.
    """

    minutes: float | None
    steps: int | None
    keep: int

    def __post_init__(self) -> None:
        least = {"minutes": (self.minutes, 0), "steps": (self.steps, 1), "keep": (self.keep, 1)}
        problems = [
            f"checkpointing.{key}={value} must be at least {bound}"
            for key, (value, bound) in least.items()
            if value is not None and value < bound
        ]
        if problems:
            raise ConfigError(problems)
