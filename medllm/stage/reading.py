"""Figures of a step, on their way to the processor."""

import torch
import torch.distributed as dist


class Reading:
    """A few figures, averaged over all ranks; nobody waits for them before they are read.

    A figure that is not finite on one rank is so on all, for so is its sum.

    figures: (N,) floats where the step was computed; on a GPU they are not there yet.
    """

    def __init__(self, figures: torch.Tensor) -> None:
        self.here, self.world = figures, 1
        self.work: dist.Work | None = None
        self.arrived: torch.cuda.Event | None = None
        if dist.is_available() and dist.is_initialized():
            self.world = dist.get_world_size()
            self.work = dist.all_reduce(figures, async_op=True)
        if figures.is_cuda:
            self._send(figures)

    def read(self) -> list[float]:
        """The means; waits if they are not there."""
        if self.arrived is not None:
            self.arrived.synchronize()
        elif self.work is not None:
            self.work.wait()
        return [figure / self.world for figure in self.here.tolist()]

    def _send(self, figures: torch.Tensor) -> None:
        if self.work is not None:
            self.work.wait()  # of NCCL this holds up the stream, not the processor
        self.here = torch.empty(figures.shape, dtype=figures.dtype, pin_memory=True)
        self.here.copy_(figures, non_blocking=True)
        self.arrived = torch.cuda.Event()
        self.arrived.record()
