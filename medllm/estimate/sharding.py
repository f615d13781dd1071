"""What weights, gradients and optimiser take, by the strategy that spreads them.

N weights, T of them trained, n processes, w bytes a number. AdamW keeps two more numbers for
each that is trained. A device holds, in bytes:

              weights   gradients   optimizer   beside them
    one, ddp  wN        wT          2wT         ddp: wT, buckets of gradients
    zero1     wN        wT          12T/n       a bucket to send, one to fill
    zero2     wN        wT/n        12T/n       the same
    zero3     wN/n      wT/n        12T/n       the same, and 1e9 weights put together
    fsdp2     wN/n      wT/n        2wT/n       two layers put together, and what is in none

DeepSpeed trains float32 copies whatever the precision (Rajbhandari et al. 2020, arXiv
1910.02054): 4 bytes for the copy and 8 for AdamW. Offloading moves columns to the host.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

from medllm.estimate.size import Size
from medllm.hardware import Hardware

WIDTH = {"64-true": 8, "32-true": 4, "bf16-true": 2, "bf16-mixed": 4}  # bytes of a weight
BUCKET = 200_000_000  # numbers; of Lightning 2.6 for DeepSpeed
LIVE = 1_000_000_000  # weights that ZeRO-3 may hold together (stage3_max_live_parameters)


@dataclass(frozen=True, slots=True)
class States:
    """Bytes of one device, and of the host for one device.

    stale: gradients of the last step, where they lie until the next backward pass.
    buffers: of the collectives, and weights put together from shares.
    bucket: gradients on their way, in the backward pass alone.
    update: what the optimiser needs beside them while it updates.
    host: what lies in the processor's memory all the time.
    """

    weights: int
    gradients: int
    optimizer: int
    stale: int
    buffers: int
    bucket: int
    update: int
    host: int = 0


def width(hardware: Hardware) -> int:
    """Bytes of a weight as the network computes with it."""
    is_zero = hardware.strategy.startswith("zero") and hardware.processes > 1
    # DeepSpeed makes the whole network bf16 and keeps float32 copies: mixed is bf16-true there.
    return 2 if is_zero and hardware.precision == "bf16-mixed" else WIDTH[hardware.precision]


def states(size: Size, hardware: Hardware) -> States:
    """What a device holds between two micro-batches, and on top of it in an update."""
    if hardware.processes == 1:
        return _whole(size, hardware)
    made: dict[str, Callable[[Size, Hardware], States]] = {
        "ddp": _replicated, "zero1": _zero, "zero2": _zero, "zero3": _zero, "fsdp2": _fsdp2
    }  # fmt: skip
    return made[hardware.strategy](size, hardware)


def _whole(size: Size, hardware: Hardware) -> States:
    w, trained = width(hardware), size.trained
    # The root of the second moment: of all weights at once on a GPU, where torch's AdamW updates
    # them together, and with one more copy of one weight at a time on a processor.
    update = w * trained if hardware.accelerator == "gpu" else 2 * w * size.largest
    return States(
        weights=w * size.parameters,
        gradients=w * trained,
        optimizer=2 * w * trained,
        stale=w * trained,
        buffers=0,
        bucket=0,
        update=update,
    )


def _replicated(size: Size, hardware: Hardware) -> States:
    return replace(_whole(size, hardware), buffers=width(hardware) * size.trained)


def _zero(size: Size, hardware: Hardware) -> States:
    w, n, stage = width(hardware), hardware.processes, int(hardware.strategy[-1])
    share = size.trained // n
    is_gpu = hardware.accelerator == "gpu"  # where two whole buckets take turns
    kept = States(
        weights=w * (size.parameters // n if stage == 3 else size.parameters),
        gradients=w * (size.trained if stage == 1 else share),
        optimizer=12 * share,
        stale=w * share if stage == 3 else 0,
        buffers=w * min(size.parameters, LIVE) if stage == 3 else 0,
        bucket=2 * w * BUCKET if is_gpu else w * min(BUCKET, size.trained),
        update=8 * share,  # gradients in float32, and a root as above
    )
    if hardware.offload != "none":
        host = kept.optimizer + kept.update
        kept = replace(kept, optimizer=0, gradients=0, stale=0, update=0, host=host)
    if hardware.offload == "all":
        kept = replace(kept, weights=0, host=kept.host + kept.weights)
    return kept


def _fsdp2(size: Size, hardware: Hardware) -> States:
    w, n = width(hardware), hardware.processes
    outside = size.parameters - size.layers * size.layer
    # Gradients of what was put together, until every process has its share of them.
    whole_gradients = outside + size.layer if size.trained == size.parameters else 0
    kept = States(
        weights=w * size.parameters // n,
        gradients=w * size.trained // n,
        optimizer=2 * w * size.trained // n,
        stale=w * size.trained // n,
        bucket=0,
        buffers=w * (outside + 2 * size.layer + whole_gradients),
        update=w * size.trained // n,
    )
    if hardware.offload == "none":
        return kept
    host = kept.weights + kept.gradients + kept.optimizer + kept.update
    return replace(kept, weights=0, gradients=0, optimizer=0, stale=0, update=0, host=host)
