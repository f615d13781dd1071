"""Exam scores: accuracy, weighted F1 and the share of unreadable replies.

    predictions, references -> statistics (N, K) -> summed over items -> scores

Everything is a sum over items, so a bootstrap sample is scored by summing other rows.
Loads by path, offline: `evaluate.load("medllm/eval/metrics/choice.py")`.
"""

from collections.abc import Sequence

import datasets
import evaluate
import numpy as np


def statistics(predictions: Sequence[str | None], references: Sequence[str]) -> np.ndarray:
    """What each item adds to the scores.

    Args:
        predictions: letters read from each reply, sorted ("A", "BD"), or None if unreadable.
        references: letters of the key, sorted.

    Returns:
        (N, 2 + 3C): right, unreadable, then for each of the C different keys whether it was
        given rightly, was given, was the key. Replies that are nobody's key need no column.

    Raises:
        ValueError: if the lengths differ or there is nothing to score.
    """
    if len(predictions) != len(references) or not references:
        raise ValueError(f"cannot score {len(predictions)} replies against {len(references)} keys")
    classes = np.array(sorted(set(references)))
    given = np.array([reply or "" for reply in predictions])[:, None] == classes
    key = np.array(references)[:, None] == classes
    right = (given & key).any(axis=1)
    unreadable = np.array([not reply for reply in predictions])
    return np.column_stack([right, unreadable, given & key, given, key]).astype(np.int64)


def score(total: np.ndarray) -> dict[str, float]:
    """accuracy, weighted_f1 and unreadable, all in [0, 1].

    Weighted F1 as in CMExam (evaluate_*.py at fadb22c): every distinct key ("A", "ABD") is a
    class and the F1 of the classes is weighted by how often each is the key. Unreadable
    replies stay in the denominator of everything.

    Args:
        total: (2 + 3C,) statistics summed over the items.
    """
    both, given, key = total[2:].reshape(3, -1)
    items = key.sum()
    f1 = 2 * both / np.maximum(given + key, 1)  # 2PR / (P + R), written without P and R
    return {
        "accuracy": float(total[0] / items),
        "weighted_f1": float((f1 * key).sum() / items),
        "unreadable": float(total[1] / items),
    }


class Choice(evaluate.Metric):
    """Exam answers against their keys, as strings of sorted letters."""

    def _info(self) -> evaluate.MetricInfo:
        return evaluate.MetricInfo(
            description="Accuracy, weighted F1 over answer strings, share of unreadable replies.",
            citation="",
            inputs_description="predictions: letters or None; references: letters of the key.",
            features=datasets.Features(
                {"predictions": datasets.Value("string"), "references": datasets.Value("string")}
            ),
        )

    def _compute(
        self, *, predictions: Sequence[str | None], references: Sequence[str]
    ) -> dict[str, float]:
        return score(statistics(predictions, references).sum(axis=0))
