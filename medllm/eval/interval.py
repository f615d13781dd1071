"""How sure a score is: percentile bootstrap over the questions.

Scores are functions of statistics summed over questions (see `metrics/`), so one resample is
one product of counts and statistics, corpus BLEU included.
"""

from collections.abc import Callable

import numpy as np

RESAMPLES = 1000
SEED = 0  # the same replies give the same interval


def interval(
    statistics: np.ndarray, score: Callable[[np.ndarray], dict[str, float]]
) -> dict[str, dict[str, float]]:
    """Each score's value and the low and high end of its 95 % interval, in the score's unit.

    Args:
        statistics: (N, K), what each question adds.
        score: from their sum (K,) to named scores.
    """
    statistics = statistics.astype(float)  # counts stay exact, and the product is fast
    random = np.random.default_rng(SEED)
    items = len(statistics)
    resampled = [
        score(np.bincount(random.integers(items, size=items), minlength=items) @ statistics)
        for _ in range(RESAMPLES)
    ]
    return {
        name: {
            "value": value,
            "low": float(np.percentile([each[name] for each in resampled], 2.5)),
            "high": float(np.percentile([each[name] for each in resampled], 97.5)),
        }
        for name, value in score(statistics.sum(axis=0)).items()
    }
