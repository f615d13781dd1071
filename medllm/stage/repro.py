"""A step that went wrong, saved so that it can be looked into without the run.

    run_dir/repro/step-00000123/
        step.json              what went wrong, where, in which rows; where to start from
        rank-0.safetensors     the micro-batches of each rank: 0.ids 0.targets ... 1.ids ...

`python -m medllm.repro RUN_DIR 123` takes the step again, see there.
"""

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save

from medllm.types import Batch, PairBatch


@dataclass(frozen=True, kw_only=True)
class Share:
    """One micro-batch of the step.

    loss: as the step's would be, if all its micro-batches were like this one.
    rows: numbers in the plan, empty rows left out.
    examples: ids of the examples of each row.
    """

    rank: int
    loss: float
    rows: Sequence[int]
    examples: Sequence[Sequence[str]]


def folder_of(run_dir: Path, step: int) -> Path:
    """`step` counts as checkpoints do: the first step of a run is 1."""
    return run_dir / "repro" / f"step-{step:08d}"


def write_batches(folder: Path, rank: int, batches: Iterable[Batch | PairBatch]) -> None:
    """The tensors of a rank's micro-batches, with how many targets or pairs the step learns from.

    Raises:
        OSError: no space is left, or worse.
    """
    folder.mkdir(parents=True, exist_ok=True)
    tensors = {
        f"{number}.{name}": torch.as_tensor(value).contiguous()
        for number, batch in enumerate(batches)
        for name, value in batch._asdict().items()
    }
    (folder / f"rank-{rank}.safetensors").write_bytes(save(tensors))


def write_step(folder: Path, shares: Sequence[Share], said: dict[str, Any]) -> None:
    """step.json; `said` are the other facts. Raises as `write_batches`."""
    run_dir = folder.parent.parent
    checkpoints = sorted(at.name for at in (run_dir / "checkpoints").glob("step-*"))
    whole = {
        **said,
        "config": "../../config.yaml",
        "checkpoint": f"../../checkpoints/{checkpoints[-1]}" if checkpoints else None,
        "micro_batches": [asdict(share) for share in shares],
    }
    # NaN is not JSON, but Python writes and reads it.
    (folder / "step.json").write_text(json.dumps(whole, indent=1, ensure_ascii=False), "utf-8")
