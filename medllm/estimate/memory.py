"""How much memory a device needs, by part, and whether it has it.

Any of four moments can be the worst: the forward pass with its logits; the backward pass; the
update; a look at held-out text, whose logits lie in memory together. What is there in each is
added up.
Measured against real runs in experiments/performance/estimate: 0.88 to 1.05 times what a process
held.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from omegaconf import DictConfig

from medllm import config
from medllm.errors import ConfigError
from medllm.estimate.architecture import Architecture, Unknown, architecture
from medllm.estimate.devices import GIB, capacity
from medllm.estimate.sharding import states, width
from medllm.estimate.size import Size, size_of
from medllm.estimate.trace import Pass, trace
from medllm.hardware import Hardware

ROOM = 0.92  # share of a device that may be filled: torch's allocator leaves gaps
CONTEXT = {"gpu": int(1.25 * GIB), "cpu": int(0.75 * GIB)}  # CUDA's own; Python with torch
HELDOUT = 4096, 16  # most tokens and rows of medllm.stage.heldout that are scored at once
OFFERS = 5  # most ways that are offered
FLOAT = 4  # bytes; losses are taken in float32
LADDER = (
    ("ddp", "none"), ("zero1", "none"), ("zero2", "none"), ("fsdp2", "none"), ("zero3", "none"),
    ("zero2", "optimizer"), ("zero3", "optimizer"), ("fsdp2", "all"), ("zero3", "all"),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Memory:
    """Bytes.

    moments: "forward", "backward", "update" and "heldout", each part by part, of one device.
    capacity: of one device; None if nobody knows.
    host: of a node with GPUs, in the memory of its processors, part by part.
    """

    moments: Mapping[str, Mapping[str, int]]
    capacity: int | None
    host: Mapping[str, int]

    @property
    def worst(self) -> str:
        """The moment that needs most."""
        return max(self.moments, key=lambda moment: sum(self.moments[moment].values()))

    @property
    def total(self) -> int:
        """Bytes of a device at the worst moment."""
        return sum(self.moments[self.worst].values())

    @property
    def fits(self) -> bool | None:
        """Whether the device has that much; None if nobody knows."""
        return None if self.capacity is None else self.total <= ROOM * self.capacity


@dataclass(frozen=True, slots=True)
class _Run:
    """What of a config decides about memory."""

    found: Architecture
    size: Size
    hardware: Hardware
    global_batch: int
    length: int
    is_packed: bool
    reference: str
    has_heldout: bool


def memory(cfg: DictConfig, earlier: Mapping[str, DictConfig]) -> Memory | Unknown:
    """What the run that `cfg` composes needs.

    Args:
        earlier: configs of runs that are not trained yet, by id.

    Raises:
        ConfigError: hardware that cannot be.
    """
    run = _run(cfg, earlier)
    return run if isinstance(run, Unknown) else _memory(run)


def lighter(cfg: DictConfig, earlier: Mapping[str, DictConfig]) -> list[str]:
    """Overrides of hardware that fit its device, least costly first, each with its GiB.

    Where nobody knows the device's memory: those that need a tenth less than now.
    """
    run = _run(cfg, earlier)
    if isinstance(run, Unknown):
        return []
    now = _memory(run)
    return _lighter(run, 0.9 * now.total if now.capacity is None else ROOM * now.capacity)


def suggestion(cfg: DictConfig, earlier: Mapping[str, DictConfig] | None = None) -> str:
    """What to change after a device ran out of memory, in words, with the keys."""
    run = _run(cfg, earlier or {})
    if isinstance(run, Unknown):
        return f"lower hardware.micro_batch; no estimate, since {run.why}"
    now = _memory(run)
    # It did not fit, whatever was estimated.
    limit = min(0.9 * now.total, ROOM * (now.capacity or now.total))
    said = f"the run needs about {now.total / GIB:.1f} GiB of a device"
    if not (ways := _lighter(run, limit)):
        return f"{said}, and nothing in hardware makes it fit; take more or larger devices"
    return "\n".join([f"{said}; this needs less, least costly first:", *(f"  {w}" for w in ways)])


def _run(cfg: DictConfig, earlier: Mapping[str, DictConfig]) -> _Run | Unknown:
    hardware: Hardware = config.instantiate(cfg.hardware)
    found = architecture(cfg, earlier)
    if isinstance(found, Unknown):
        return found
    return _Run(
        found=found,
        size=size_of(found),
        hardware=hardware,
        global_batch=cfg.stage.global_batch,
        length=cfg.data.seq_len,
        is_packed=cfg.data.packing != "none",
        reference=cfg.stage.get("reference", ""),
        has_heldout=bool(cfg.data.heldout),
    )


def _memory(run: _Run) -> Memory:
    hardware, (rows, accumulated) = run.hardware, run.hardware.accumulation(run.global_batch)
    kept, passed = states(run.size, hardware), trace(run.found, _pass(run, rows))
    always = {
        "context": CONTEXT[hardware.accelerator],
        "weights": kept.weights,
        "optimizer": kept.optimizer,
        "buffers": kept.buffers,
    }
    activations = {"activations": passed.activations}
    # Lightning frees gradients between the forward and the backward pass of a step, whose first
    # micro-batch makes them anew while activations go; ZeRO-3 never gives their memory back.
    added = accumulated > 1 or hardware.strategy == "zero3"
    moments = {
        "forward": always | activations | {
            "gradients": kept.gradients if added else kept.stale,
            "logits, loss": passed.forward,
        },
        "backward": always | activations | {
            "gradients": kept.gradients if added else 0,
            "logits, loss": passed.backward,
            "bucket": kept.bucket,
        },
        "update": always | {"gradients": kept.gradients, "update": kept.update},
    }  # fmt: skip
    if run.has_heldout:
        moments["heldout"] = always | {"gradients": kept.stale, "logits, loss": _heldout(run)}
    return Memory(moments, capacity(hardware), _host(run, kept.host))


def _pass(run: _Run, rows: int) -> Pass:
    hardware = run.hardware
    is_all_bf16 = hardware.precision == "bf16-mixed" and width(hardware) == 2
    return Pass(
        rows=2 * rows if run.reference else rows,
        length=run.length,
        is_packed=run.is_packed,
        reference=run.reference,
        attention=hardware.attention,
        precision="bf16-true" if is_all_bf16 else hardware.precision,
        checkpointing=hardware.gradient_checkpointing,
    )


def _heldout(run: _Run) -> int:
    """Logits as the network gives them, in float32, and their log-softmax."""
    most, rows = HELDOUT
    tokens = min(rows * run.length, max(most, run.length))
    given = 2 if run.hardware.precision.startswith("bf16") else width(run.hardware)
    return tokens * run.size.vocabulary * (given + 2 * FLOAT)


def _host(run: _Run, kept: int) -> dict[str, int]:
    """Of a node with GPUs. Weights are read in float32; sharded ones by one process alone."""
    hardware, model = run.hardware, FLOAT * run.size.parameters
    if hardware.accelerator == "cpu":
        return {}
    is_sharded = hardware.strategy in ("zero3", "fsdp2") and hardware.processes > 1
    return {
        "processes": hardware.devices * CONTEXT["cpu"],
        "offloaded": hardware.devices * kept,
        "loading the model": model if is_sharded else hardware.devices * model,
    }


def _lighter(run: _Run, limit: float) -> list[str]:
    ways = []
    for changes in _changes(run.hardware):
        if len(ways) == OFFERS:
            break
        for rows in _fewer(run):
            try:
                other = replace(run, hardware=replace(run.hardware, micro_batch=rows, **changes))
            except ConfigError:
                break  # these do not go together
            if (total := _memory(other).total) <= limit:
                if overrides := _overrides(run, other):
                    ways.append(f"{overrides}  ({total / GIB:.1f} GiB)")
                break  # fewer rows would only be slower
    return ways


def _overrides(before: _Run, after: _Run) -> str:
    """What must be typed to get from one to the other; "" if they are the same."""
    changed = {
        key: getattr(after.hardware, key)
        for key in ("gradient_checkpointing", "strategy", "offload")
        if getattr(after.hardware, key) != getattr(before.hardware, key)
    }
    if after.hardware.micro_batch != before.hardware.accumulation(before.global_batch)[0]:
        changed["micro_batch"] = after.hardware.micro_batch
    words = [f"hardware.{key}={str(value).lower()}" for key, value in changed.items()]
    return " ".join(words)


def _changes(hardware: Hardware) -> Iterator[dict[str, Any]]:
    """Ways to spread and to keep less, least costly first; the first changes nothing."""
    at = LADDER.index((hardware.strategy, hardware.offload))
    for strategy, offload in LADDER[at:] if hardware.processes > 1 else LADDER[at : at + 1]:
        for checkpointing in sorted({hardware.gradient_checkpointing, True}):
            yield {
                "gradient_checkpointing": checkpointing,
                "strategy": strategy,
                "offload": offload,
            }


def _fewer(run: _Run) -> list[int]:
    """Sizes of a micro-batch that divide a device's share, from that of now down to 1."""
    share = run.global_batch // run.hardware.processes
    now, _ = run.hardware.accumulation(run.global_batch)
    return [rows for rows in range(now, 0, -1) if share % rows == 0]
