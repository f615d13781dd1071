"""What all ranks do next, agreed at the end of every step without waiting for anybody.

Each step starts a reduction of one number among the processors of all ranks and reads that of the
step before, which is long there. So every rank acts at the same step, one after the word was heard.
"""

from datetime import timedelta
from typing import Any

import torch
import torch.distributed as dist


class Agreement:
    """The largest number that any rank has said. One process agrees with itself, at once."""

    def __init__(self, *, timeout: int) -> None:
        """`timeout`: seconds until a silent rank is given up."""
        self.alone = not (dist.is_available() and dist.is_initialized())
        # Processors talk by gloo whatever the devices use, so that no GPU waits.
        within = timedelta(seconds=timeout)
        self.group: Any = None if self.alone else dist.new_group(backend="gloo", timeout=within)
        self.said = torch.zeros(1, dtype=torch.int64)
        self.pending: dist.Work | None = None

    def on(self, word: int) -> int:
        """Say `word`; what was agreed on at the step before."""
        if self.alone:
            return word
        agreed = self._settled()
        self.said = torch.tensor([word])
        self.pending = dist.all_reduce(
            self.said, op=dist.ReduceOp.MAX, group=self.group, async_op=True
        )
        return agreed

    def end(self) -> None:
        """Wait for what is under way; call it where all ranks stop."""
        if not self.alone:
            self._settled()

    def barrier(self) -> None:
        """Wait for all ranks, on their processors."""
        if not self.alone:
            dist.barrier(group=self.group)

    def gather(self, mine: object) -> list:
        """What each rank has, on every rank."""
        if self.alone:
            return [mine]
        everyone = [None] * dist.get_world_size()
        dist.all_gather_object(everyone, mine, group=self.group)
        return everyone

    def _settled(self) -> int:
        if self.pending is None:
            return 0
        self.pending.wait()
        self.pending = None
        return int(self.said)
