"""BLEU-1 to BLEU-4 of whole replies, by sacrebleu, with the tokenisation always said.

    predictions, references -> statistics (N, 10) -> summed over items -> scores

sacrebleu's own default keeps a Chinese sentence as one word and gives 0.0 where characters
give 77.7. Loads by path, offline: `evaluate.load("medllm/eval/metrics/bleu.py")`.
"""

import logging
from collections.abc import Sequence
from typing import Literal

import datasets
import evaluate
import jieba
import numpy as np
from sacrebleu.metrics.bleu import BLEU

Tokenize = Literal["char", "jieba", "13a"]

ORDERS = 4  # the longest n-gram

jieba.setLogLevel(logging.WARNING)  # it tells about its dictionary on stderr otherwise


def statistics(
    predictions: Sequence[str], references: Sequence[str], *, tokenize: Tokenize
) -> np.ndarray:
    """What each item adds to corpus BLEU.

    Args:
        predictions: replies.
        references: one reference for each.
        tokenize: "char" or "jieba" for Chinese, "13a" (WMT's) for English.

    Returns:
        (N, 10): length of the reply and of the reference in tokens, then how many 1- to
        4-grams of the reply stand in the reference, then how many there are.

    Raises:
        ValueError: if the lengths differ or there is nothing to score.
    """
    if len(predictions) != len(references) or not references:
        raise ValueError(
            f"cannot score {len(predictions)} replies against {len(references)} references"
        )
    # force: jieba's words come already split, which sacrebleu would warn of.
    bleu = BLEU(tokenize="none" if tokenize == "jieba" else tokenize, force=True)
    rows = []
    for pair in zip(predictions, references, strict=True):
        reply, reference = (" ".join(jieba.cut(t)) if tokenize == "jieba" else t for t in pair)
        item = bleu.corpus_score([reply], [[reference]])
        rows.append([item.sys_len, item.ref_len, *item.counts, *item.totals])
    return np.array(rows, dtype=np.int64)


def score(total: np.ndarray) -> dict[str, float]:
    """bleu_1 to bleu_4, 0 to 100 as sacrebleu gives them.

    Corpus BLEU with brevity penalty and without smoothing, as CMExam does (recipes.md 1.4):
    BLEU-n is the geometric mean of the 1- to n-gram precisions.

    Args:
        total: (10,) statistics summed over the items.
    """
    reply_length, reference_length, *grams = (int(count) for count in total)
    return {
        f"bleu_{n}": BLEU.compute_bleu(
            grams[:n],
            grams[ORDERS : ORDERS + n],
            reply_length,
            reference_length,
            smooth_method="none",
            max_ngram_order=n,
        ).score
        for n in range(1, ORDERS + 1)
    }


class Bleu(evaluate.Metric):
    """Corpus BLEU of replies, each against one reference."""

    def _info(self) -> evaluate.MetricInfo:
        return evaluate.MetricInfo(
            description="Corpus BLEU-1 to BLEU-4 without smoothing, 0 to 100.",
            citation="",
            inputs_description="predictions, references: texts; tokenize: char, jieba or 13a.",
            features=datasets.Features(
                {"predictions": datasets.Value("string"), "references": datasets.Value("string")}
            ),
        )

    def _compute(
        self, *, predictions: Sequence[str], references: Sequence[str], tokenize: Tokenize
    ) -> dict[str, float]:
        return score(statistics(predictions, references, tokenize=tokenize).sum(axis=0))
