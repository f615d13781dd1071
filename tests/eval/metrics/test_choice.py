from pathlib import Path

import evaluate
import pytest

from medllm.eval.metrics import choice


def test_scores_by_hand():
    """Right: items 1 and 4, so 2/5. F1 of A: 2*1/(2 given + 2 keys) = 1/2, of B 0, of ABD 2/3.

    Weighted by keys: (2 * 1/2 + 1 * 0 + 2 * 2/3) / 5 = 7/15. One of five is unreadable.
    """
    given = ["A", "B", None, "ABD", "A"]
    keys = ["A", "A", "B", "ABD", "ABD"]
    total = choice.statistics(given, keys).sum(axis=0)
    assert choice.score(total) == pytest.approx(
        {"accuracy": 2 / 5, "weighted_f1": 7 / 15, "unreadable": 1 / 5}
    )


def test_a_reply_that_is_no_key_is_wrong_but_readable():
    total = choice.statistics(["E", "A"], ["A", "A"]).sum(axis=0)
    assert choice.score(total) == pytest.approx(
        {"accuracy": 1 / 2, "weighted_f1": 2 / 3, "unreadable": 0.0}
    )


def test_nothing_to_score_is_refused():
    with pytest.raises(ValueError, match="cannot score 0 replies against 0 keys"):
        choice.statistics([], [])


def test_missing_replies_are_refused():
    with pytest.raises(ValueError, match="cannot score 1 replies against 2 keys"):
        choice.statistics(["A"], ["A", "B"])


def test_it_loads_by_path_without_a_network(tmp_path):
    metric = evaluate.load(str(Path(choice.__file__)), cache_dir=str(tmp_path))
    scores = metric.compute(predictions=["A", None], references=["A", "B"])
    assert scores == {"accuracy": 0.5, "weighted_f1": 0.5, "unreadable": 0.5}
