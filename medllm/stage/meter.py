"""Sums of what was learnt since the last reading, kept as tensors so that no step waits.

add, add_tokens, add_pairs    at every micro-batch, on the device
read                          now and then: one sum over devices, one wait
state, load                   what a checkpoint keeps of this process
"""

from collections.abc import Callable, Mapping, Sequence

import torch

from medllm.stage.stopwatch import Stopwatch
from medllm.types import IGNORE

# Sums beside those that stages name themselves; all are tokens.
LEARNT = "tokens/learnt"  # of pairs, which know no sources
READ = "tokens/read"  # all but padding
UNTIMED = "tokens/untimed"  # those of READ that came before the watch was started


class Meter:
    """Negative log-likelihood and tokens, per source; plain sums of other figures; the time.

    learnt: tokens learnt since the start of the run, over all devices, at the last reading.
    figures: of the last reading.
    """

    def __init__(self, sources: Sequence[str]) -> None:
        self.sources = list(sources)
        self.nll = torch.zeros(len(self.sources), dtype=torch.float64)
        self.tokens = torch.zeros(len(self.sources), dtype=torch.float64)
        self.sums: dict[str, torch.Tensor] = {}
        self.learnt = 0.0
        self.figures: dict[str, float] = {}
        self.watch = Stopwatch()

    def add_tokens(self, nll: torch.Tensor, targets: torch.Tensor, sources: torch.Tensor) -> None:
        """Count (B, L) losses by (B, L) sources, -1 for padding."""
        if self.nll.device != nll.device:
            self.nll, self.tokens = self.nll.to(nll.device), self.tokens.to(nll.device)
        where = sources.clamp(min=0).flatten()  # padding counts nothing, wherever it goes
        self.nll.index_add_(0, where, nll.detach().flatten().double())
        self.tokens.index_add_(0, where, (targets != IGNORE).flatten().double())
        self.add(**{READ: (sources >= 0).sum()})

    def add_pairs(self, targets: torch.Tensor) -> None:
        """Count the tokens of (2P, L) replies with their prompts.

        A row ends one token after its last target, see `Tokens`; what follows is padding.
        """
        is_learnt = targets != IGNORE
        ends = torch.arange(2, targets.shape[1] + 2, device=targets.device)
        read = (is_learnt * ends).amax(dim=1).sum()
        self.add(**{LEARNT: is_learnt.sum(), READ: read})

    def add(self, **figures: torch.Tensor) -> None:
        """Add to named sums; `count` is what the others are divided by."""
        for name, figure in figures.items():
            self.sums[name] = self.sums.get(name, 0) + figure.detach().double()

    def start_watch(self) -> None:
        """From now on tokens are timed; what came before was warming up."""
        self.watch.start()
        if READ in self.sums:
            self.sums[UNTIMED] = self.sums[READ]

    def read(
        self, reduce: Callable[[torch.Tensor], torch.Tensor], *, seconds: float = 0.0
    ) -> dict[str, float]:
        """Means since the last reading, over all devices, and start again.

        Args:
            reduce: sums a tensor over devices.
            seconds: that the timed tokens took; 0 where nothing was timed.
        """
        nll, tokens, sums = self._totals(reduce)
        self.learnt += sum(tokens) + sums.get(LEARNT, 0.0)
        self.figures = _means(sums) | self._by_source(nll, tokens)
        if READ in sums:
            self.figures["train/tokens"] = self.learnt
        if seconds:
            timed = sums.get(READ, 0.0) - sums.get(UNTIMED, 0.0)
            self.figures["speed/tokens_per_second"] = timed / seconds
        self.nll.zero_()
        self.tokens.zero_()
        self.sums = {}
        return self.figures

    def state(self) -> dict[str, torch.Tensor]:
        """The sums of this process since the last reading; those of several may be added up."""
        # A watch starts anew with every attempt.
        named = {f"sum/{name}": sum for name, sum in self.sums.items() if name != UNTIMED}
        parts = {"nll": self.nll, "tokens": self.tokens, **named}
        return {key: part.clone().cpu() for key, part in parts.items()}

    def load(self, states: Sequence[Mapping[str, torch.Tensor]]) -> None:
        """Go on from the sum of what `state` gave, in one process or in several."""
        for state in states:
            self.nll = self.nll + state["nll"].to(self.nll.device)
            self.tokens = self.tokens + state["tokens"].to(self.tokens.device)
            for key, total in state.items():
                if key.startswith("sum/"):
                    name = key.removeprefix("sum/")
                    self.sums[name] = self.sums.get(name, 0) + total

    def _totals(
        self, reduce: Callable[[torch.Tensor], torch.Tensor]
    ) -> tuple[list[float], list[float], dict[str, float]]:
        """Losses and tokens by source, and sums by name, with a single wait for the device."""
        names = sorted(self.sums)
        parts = [self.nll, self.tokens, *(self.sums[name].view(1) for name in names)]
        device = parts[-1].device
        totals = reduce(torch.cat([part.to(device) for part in parts])).tolist()
        size = len(self.sources)
        named = dict(zip(names, totals[2 * size :], strict=True))
        return totals[:size], totals[size : 2 * size], named

    def _by_source(self, nll: Sequence[float], tokens: Sequence[float]) -> dict[str, float]:
        total = sum(tokens)
        if not total:
            return {}
        figures = {"train/loss": sum(nll) / total}
        for name, loss, count in zip(self.sources, nll, tokens, strict=True):
            figures[f"train/source/{name}/share"] = count / total
            if count:
                figures[f"train/source/{name}/loss"] = loss / count
        return figures


def _means(sums: Mapping[str, float]) -> dict[str, float]:
    """What a stage added by name, divided by its `count`."""
    count = sums.get("count")
    own = (name for name in sums if name not in ("count", LEARNT, READ, UNTIMED))
    return {f"train/{name}": sums[name] / count for name in own} if count else {}
