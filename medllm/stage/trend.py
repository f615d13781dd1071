"""Whether a loss diverges: a long stay far above what was usual, and nothing less."""

import statistics
from collections import deque
from typing import Any

# A median absolute deviation times this is the standard deviation, if the noise is normal.
NORMAL = 1.4826
SPREADS = 6  # standard deviations of the usual noise that are noise still


class Trend:
    """The last losses of a run.

    A loss diverges where for `patience` steps in a row it stands above

        median + max(rise, 6 standard deviations)      of the `window` losses before them

    both taken robustly. A spike that comes down again is not that, however high: large models
    recover from many (Chowdhery et al. 2022, arXiv 2204.02311, section 5.1). The shape is that of
    LLM Foundry's KillLossSpike (mean of 100 losses, twice as high, 5 steps); a difference in nats
    stands for its factor, for preferences are learnt to losses near 0, many times of which are
    nothing. 3 nats are a perplexity 20 times as high; few corpora differ so much, and those that
    do, come mixed.

    Args:
        window: losses that say what is usual; before there are as many, nothing diverges.
        patience: losses in a row; None, and nothing ever does.
        rise: least distance from the median, in units of the loss.
    """

    def __init__(self, *, window: int, patience: int | None, rise: float) -> None:
        self.patience, self.rise = patience, rise
        self.usual: deque[float] = deque(maxlen=window)
        self.above = 0  # losses in a row

    def add(self, loss: float) -> bool:
        """Whether with this finite loss the run has diverged."""
        if self.patience is None:
            return False
        if len(self.usual) == self.usual.maxlen and loss > self.bound():
            self.above += 1  # what is not usual does not become so by lasting
        else:
            self.above = 0
            self.usual.append(loss)
        return self.above >= self.patience

    def bound(self) -> float:
        middle = statistics.median(self.usual)
        deviation = statistics.median(abs(loss - middle) for loss in self.usual)
        return middle + max(self.rise, SPREADS * NORMAL * deviation)

    def state(self) -> dict[str, Any]:
        return {"usual": list(self.usual), "above": self.above}

    def load(self, state: dict[str, Any]) -> None:
        self.usual.extend(state["usual"])
        self.above = state["above"]
