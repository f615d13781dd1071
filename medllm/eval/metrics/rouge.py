"""ROUGE-1, ROUGE-2 and ROUGE-L of whole replies, by rouge-score, with its tokenizer said.

    predictions, references -> statistics (N, 4) -> summed over items -> scores

rouge-score's default tokenizer keeps `[a-z0-9]` only: identical Chinese texts score 0.
Loads by path, offline: `evaluate.load("medllm/eval/metrics/rouge.py")`.
"""

import logging
from collections.abc import Sequence
from typing import Literal

import datasets
import evaluate
import jieba
import numpy as np
from rouge_score import rouge_scorer
from rouge_score import tokenizers

Tokenize = Literal["char", "jieba", "words"]

KINDS = {"rouge_1": "rouge1", "rouge_2": "rouge2", "rouge_l": "rougeL"}

jieba.setLogLevel(logging.WARNING)  # it tells about its dictionary on stderr otherwise


class Characters(tokenizers.Tokenizer):
    """Every character but white space."""

    def tokenize(self, text: str) -> list[str]:
        return [character for character in text if not character.isspace()]


class Jieba(tokenizers.Tokenizer):
    """Chinese words as jieba cuts them, punctuation included."""

    def tokenize(self, text: str) -> list[str]:
        return [word for word in jieba.cut(text) if not word.isspace()]


def statistics(
    predictions: Sequence[str], references: Sequence[str], *, tokenize: Tokenize
) -> np.ndarray:
    """What each item adds to the mean.

    Args:
        predictions: replies.
        references: one reference for each.
        tokenize: "char" or "jieba" for Chinese, "words" (lower-cased `[a-z0-9]+`, rouge-score's
            own, without stemming) for English.

    Returns:
        (N, 4): F of ROUGE-1, -2 and -L of the item, and 1 to count it.

    Raises:
        ValueError: if the lengths differ or there is nothing to score.
    """
    if len(predictions) != len(references) or not references:
        raise ValueError(
            f"cannot score {len(predictions)} replies against {len(references)} references"
        )
    tokenizer = {
        "char": Characters(),
        "jieba": Jieba(),
        "words": tokenizers.DefaultTokenizer(use_stemmer=False),
    }[tokenize]
    scorer = rouge_scorer.RougeScorer(list(KINDS.values()), tokenizer=tokenizer)
    items = [scorer.score(ref, reply) for reply, ref in zip(predictions, references, strict=True)]
    return np.array([[*(item[kind].fmeasure for kind in KINDS.values()), 1.0] for item in items])


def score(total: np.ndarray) -> dict[str, float]:
    """rouge_1, rouge_2 and rouge_l, means of the items' F, 0 to 100 as papers print them.

    Args:
        total: (4,) statistics summed over the items.
    """
    return {name: float(100 * f / total[3]) for name, f in zip(KINDS, total, strict=False)}


class Rouge(evaluate.Metric):
    """Mean ROUGE F of replies, each against one reference."""

    def _info(self) -> evaluate.MetricInfo:
        return evaluate.MetricInfo(
            description="Mean F of ROUGE-1, ROUGE-2 and ROUGE-L, 0 to 100.",
            citation="",
            inputs_description="predictions, references: texts; tokenize: char, jieba or words.",
            features=datasets.Features(
                {"predictions": datasets.Value("string"), "references": datasets.Value("string")}
            ),
        )

    def _compute(
        self, *, predictions: Sequence[str], references: Sequence[str], tokenize: Tokenize
    ) -> dict[str, float]:
        return score(statistics(predictions, references, tokenize=tokenize).sum(axis=0))
