"""Sums of what was learnt since the last log, kept as tensors so that no step waits."""

from collections.abc import Sequence

import torch

from medllm.types import IGNORE


class Meter:
    """Negative log-likelihood and tokens, per source; plain sums of other figures."""

    def __init__(self, sources: Sequence[str]) -> None:
        self.sources = list(sources)
        self.nll = torch.zeros(len(self.sources), dtype=torch.float64)
        self.tokens = torch.zeros(len(self.sources), dtype=torch.float64)
        self.sums: dict[str, torch.Tensor] = {}
        self.learnt = 0.0  # tokens since the start

    def add_tokens(self, nll: torch.Tensor, targets: torch.Tensor, sources: torch.Tensor) -> None:
        """Count (B, L) losses by (B, L) sources."""
        learnt = (targets != IGNORE).double().flatten()
        where = sources.clamp(min=0).flatten()  # padding counts nothing, wherever it goes
        self.nll = self.nll.to(nll.device).index_add(0, where, nll.detach().double().flatten())
        self.tokens = self.tokens.to(nll.device).index_add(0, where, learnt)

    def add(self, **figures: torch.Tensor) -> None:
        """Add to named sums; `count` is what the others are divided by."""
        for name, figure in figures.items():
            self.sums[name] = self.sums.get(name, 0) + figure.detach().double()

    def read(self, reduce) -> dict[str, float]:
        """Means since the last reading, over all devices, and start again.

        Args:
            reduce: sums a tensor over devices.
        """
        nll, tokens = reduce(self.nll), reduce(self.tokens)
        sums = {name: float(reduce(total)) for name, total in self.sums.items()}
        self.learnt += float(tokens.sum())
        figures = self._by_source(nll, tokens)
        count = sums.pop("count", 0.0)
        figures |= {f"train/{name}": total / count for name, total in sums.items() if count}
        self.nll, self.tokens = torch.zeros_like(self.nll), torch.zeros_like(self.tokens)
        self.sums.clear()
        return figures

    def _by_source(self, nll: torch.Tensor, tokens: torch.Tensor) -> dict[str, float]:
        total = float(tokens.sum())
        if not total:
            return {}
        figures = {"train/loss": float(nll.sum()) / total, "train/tokens": self.learnt}
        for i, name in enumerate(self.sources):
            figures[f"train/source/{name}/share"] = float(tokens[i]) / total
            if tokens[i]:
                figures[f"train/source/{name}/loss"] = float(nll[i] / tokens[i])
        return figures
