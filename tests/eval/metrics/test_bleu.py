import math
from pathlib import Path

import evaluate
import jieba
import pytest
import sacrebleu

from medllm.eval.metrics import bleu

REPLIES = ["患者发热，应服用阿司匹林。", "头痛三天，建议检查血压。", ""]
REFERENCES = ["患者发热时，可服用阿司匹林。", "头痛三天的患者，建议检查血糖。", "多喝水。"]


def test_scores_by_hand():
    """甲乙丙丁 against 甲乙丙戊丁: 4 of 4 characters, 2 of 3 pairs, 1 of 2 triples, 0 of 1.

    One character short of five: brevity penalty e**(1 - 5/4).
    """
    total = bleu.statistics(["甲乙丙丁"], ["甲乙丙戊丁"], tokenize="char").sum(axis=0)
    short = 100 * math.exp(-1 / 4)
    assert bleu.score(total) == pytest.approx(
        {
            "bleu_1": short,
            "bleu_2": short * (2 / 3) ** (1 / 2),
            "bleu_3": short * (2 / 3 * 1 / 2) ** (1 / 3),
            "bleu_4": 0.0,
        }
    )


@pytest.mark.parametrize("order", [1, 2, 3, 4])
def test_summed_items_equal_sacrebleu_on_the_whole_corpus(order):
    whole = sacrebleu.corpus_bleu(
        REPLIES, [REFERENCES], tokenize="char", smooth_method="none", force=True
    )
    direct = sacrebleu.BLEU(tokenize="char", smooth_method="none", max_ngram_order=order)
    scores = bleu.score(bleu.statistics(REPLIES, REFERENCES, tokenize="char").sum(axis=0))
    assert scores[f"bleu_{order}"] == direct.corpus_score(REPLIES, [REFERENCES]).score
    assert scores["bleu_4"] == whole.score


def test_jieba_equals_sacrebleu_on_words_cut_before():
    def cut(texts):
        return [" ".join(jieba.cut(text)) for text in texts]

    direct = sacrebleu.BLEU(tokenize="none", smooth_method="none", force=True, max_ngram_order=2)
    scores = bleu.score(bleu.statistics(REPLIES, REFERENCES, tokenize="jieba").sum(axis=0))
    assert scores["bleu_2"] == direct.corpus_score(cut(REPLIES), [cut(REFERENCES)]).score > 0


def test_english_needs_13a_for_its_full_stop():
    """Five tokens with the full stop cut off, all found: 100."""
    total = bleu.statistics(["he has a fever."], ["he has a fever ."], tokenize="13a").sum(axis=0)
    assert bleu.score(total)["bleu_4"] == pytest.approx(100)


def test_empty_replies_score_zero():
    total = bleu.statistics([""], ["多喝水。"], tokenize="char").sum(axis=0)
    assert set(bleu.score(total).values()) == {0.0}


def test_nothing_to_score_is_refused():
    with pytest.raises(ValueError, match="cannot score 0 replies against 0 references"):
        bleu.statistics([], [], tokenize="char")


def test_it_loads_by_path_without_a_network(tmp_path):
    metric = evaluate.load(str(Path(bleu.__file__)), cache_dir=str(tmp_path))
    scores = metric.compute(predictions=["多喝水。"], references=["多喝水。"], tokenize="char")
    assert scores == pytest.approx({f"bleu_{n}": 100 for n in range(1, 5)})
