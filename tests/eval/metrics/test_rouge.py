from pathlib import Path

import evaluate
import pytest
from rouge_score import rouge_scorer

from medllm.eval.metrics import rouge


def scores(reply, reference, tokenize):
    return rouge.score(rouge.statistics([reply], [reference], tokenize=tokenize).sum(axis=0))


def test_scores_by_hand():
    """甲乙丙丁 against 甲乙丙戊丁: F is twice the common ones over the sum of both lengths.

    Characters 2*4/(4+5), pairs 2*2/(3+4), longest common subsequence 甲乙丙丁 2*4/(4+5).
    """
    assert scores("甲乙丙丁", "甲乙丙戊丁", "char") == pytest.approx(
        {"rouge_1": 800 / 9, "rouge_2": 400 / 7, "rouge_l": 800 / 9}
    )


def test_the_mean_is_over_items():
    total = rouge.statistics(["甲", "乙"], ["甲", "丙"], tokenize="char").sum(axis=0)
    assert rouge.score(total)["rouge_1"] == 50


def test_english_equals_rouge_score_called_directly():
    reply, reference = "The patient takes aspirin twice.", "Twice a day the patient takes Aspirin"
    direct = rouge_scorer.RougeScorer(["rouge1", "rouge2", "rougeL"], use_stemmer=False)
    expected = direct.score(reference, reply)
    ours = scores(reply, reference, "words")
    assert ours["rouge_1"] == pytest.approx(100 * expected["rouge1"].fmeasure)
    assert ours["rouge_2"] == pytest.approx(100 * expected["rouge2"].fmeasure)
    assert ours["rouge_l"] == pytest.approx(100 * expected["rougeL"].fmeasure)


def test_identical_chinese_is_lost_by_words_and_found_by_characters_and_jieba():
    text = "患者发热，应服用阿司匹林。"
    assert scores(text, text, "words")["rouge_1"] == 0
    assert scores(text, text, "char")["rouge_l"] == 100
    assert scores(text, text, "jieba")["rouge_l"] == 100


def test_jieba_by_hand():
    """头痛 / 三天 against 头痛 / 五天: one word of two and two."""
    assert scores("头痛 三天", "头痛 五天", "jieba")["rouge_1"] == 50


def test_empty_replies_score_zero():
    assert set(scores("", "多喝水。", "char").values()) == {0.0}


def test_nothing_to_score_is_refused():
    with pytest.raises(ValueError, match="cannot score 0 replies against 0 references"):
        rouge.statistics([], [], tokenize="char")


def test_it_loads_by_path_without_a_network(tmp_path):
    metric = evaluate.load(str(Path(rouge.__file__)), cache_dir=str(tmp_path))
    found = metric.compute(predictions=["多喝水。"], references=["多喝水。"], tokenize="char")
    assert found == pytest.approx({"rouge_1": 100, "rouge_2": 100, "rouge_l": 100})
