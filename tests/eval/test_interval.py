import numpy as np
import pytest

from medllm.eval.interval import interval
from medllm.eval.metrics import bleu, choice


def share(total):
    return {"right": total[0] / total[1]}


def test_an_interval_of_a_share_is_the_binomial_one():
    """300 of 400 right: 0.75 +- 1.96 * sqrt(0.75 * 0.25 / 400) = 0.75 +- 0.0424."""
    items = np.array([[1, 1]] * 300 + [[0, 1]] * 100)
    found = interval(items, share)["right"]
    assert found["value"] == 0.75
    assert found["low"] == pytest.approx(0.7076, abs=0.005)
    assert found["high"] == pytest.approx(0.7924, abs=0.005)


def test_the_same_replies_give_the_same_interval():
    items = choice.statistics(["A", "B", None, "AB"] * 5, ["A", "A", "B", "AB"] * 5)
    assert interval(items, choice.score) == interval(items, choice.score)


def test_a_resample_of_bleu_is_bleu_of_the_resampled_replies():
    """Two replies, one perfect: samples are both alike (100 or 0) or one of each (the value)."""
    items = bleu.statistics(["多喝热水。", "不知道"], ["多喝热水。", "请去医院"], tokenize="char")
    found = interval(items, bleu.score)["bleu_1"]
    assert (found["low"], found["high"]) == (0, pytest.approx(100))
    assert found["value"] == bleu.score(items.sum(axis=0))["bleu_1"]


def test_one_question_has_no_spread():
    found = interval(np.array([[1, 1]]), share)["right"]
    assert found == {"value": 1, "low": 1, "high": 1}
