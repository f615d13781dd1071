"""A figure as numbers: which lines, on which axes. plots.py draws it.

    chains.py     through the stages: scores, held-out text, forgetting against gain
    training.py   inside the runs: losses, mixes, preference tuning

Nothing is resampled; the bold line of a long curve is a running mean.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

# Loss is noisy: with this many points or more, a running mean over 1/20 of them is drawn on top.
SMOOTHED_FROM = 60
WINDOWS = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One line. x, y: (N,); spread: (2, N) distance down and up to the ends of the interval.

    colour: number of the point, or None for a run that several points share.
    marks: a name for each of the N vertices, or empty.
    """

    label: str
    colour: int | None
    x: np.ndarray
    y: np.ndarray
    spread: np.ndarray | None = None
    marks: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Panel:
    """One pair of axes. name: stem of the PNG. stages: names along x, where x counts stages.

    kind: "curve" lines of many values, "score" few values with intervals, "mix" stacked
    shares, "trade" a path through two scores.
    guess: the score of answering at random, or None.
    """

    name: str
    title: str
    x_label: str
    y_label: str
    lines: Sequence[Line]
    kind: Literal["curve", "score", "mix", "trade"] = "curve"
    stages: Sequence[str] = ()
    guess: float | None = None

    @property
    def alt(self) -> str:
        """The figure in words: where every line begins and ends."""
        told = [f"{line.label} from {line.y[0]:.3g} to {line.y[-1]:.3g}" for line in self.lines]
        guess = [] if self.guess is None else [f"answering at random {self.guess:.3g}"]
        return f"{self.title}; {self.y_label} against {self.x_label}: {'; '.join(told + guess)}."


def running_mean(values: np.ndarray) -> np.ndarray | None:
    """(N,) centred mean over a twentieth of the curve, or None for a short curve.

    At the ends the window is cut, not padded.
    """
    if len(values) < SMOOTHED_FROM:
        return None
    half = len(values) // WINDOWS // 2 + 1
    sums = np.concatenate([[0.0], np.cumsum(values)])
    starts = np.maximum(np.arange(len(values)) - half, 0)
    ends = np.minimum(np.arange(len(values)) + half + 1, len(values))
    return (sums[ends] - sums[starts]) / (ends - starts)
