"""A benchmark: questions, how a model is asked, and what counts.

    questions -> scorer -> replies.jsonl           `run`, once, with a model
    replies.jsonl -> metrics -> score.json         `rescore`, as often as wanted, without
                             -> items.jsonl        what was chosen, per question

No score leaves without a signature: everything that moves it besides the model's weights.
"""

import json
import math
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Protocol

from medllm.errors import ConfigError, DataError
from medllm.eval import replies as stored
from medllm.eval.answer import explanation, read
from medllm.eval.exposure import Exposure
from medllm.eval.interval import interval
from medllm.eval.metrics import bleu, choice, rouge
from medllm.eval.scorer import Generation, OptionLikelihood
from medllm.types import Question, Reply

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

METRICS = {"choice": choice, "bleu": bleu, "rouge": rouge}
# By characters, as CMExam does for ROUGE and in one of its two scripts for BLEU.
TOKENIZE = {"zh": {"bleu": "char", "rouge": "char"}, "en": {"bleu": "13a", "rouge": "words"}}


class Questions(Protocol):
    """Where questions come from, such as a `medllm.data.source.read.Source`."""

    def examples(self, quarantine: Any) -> Iterator[Any]: ...


@dataclass(frozen=True, kw_only=True)
class Benchmark:
    """Which questions, how they are put, what counts.

    Args:
        version: raised when a change moves scores; part of the signature.
        language: of the replies; decides how BLEU and ROUGE cut them into tokens.
        metrics: "choice" needs options and a key, "bleu" and "rouge" written replies.
        limit: only the first so many questions; None for all.

    Raises:
        ConfigError: BLEU or ROUGE of a scorer that writes nothing.
    """

    name: str
    version: int
    language: Literal["zh", "en"]
    questions: Questions
    scorer: OptionLikelihood | Generation
    metrics: Sequence[Literal["choice", "bleu", "rouge"]]
    limit: int | None

    def __post_init__(self) -> None:
        writes = isinstance(self.scorer, Generation)
        if not writes and set(self.metrics) != {"choice"}:
            raise ConfigError(
                [
                    f"benchmark.metrics={list(self.metrics)} need written replies and "
                    "benchmark.scorer only compares options; use metrics=[choice] or the scorer "
                    "medllm.eval.scorer.Generation"
                ]
            )

    def read(self, quarantine: Any) -> list[Question]:
        """The questions, checked. Malformed records go to `quarantine`, as in any source.

        Raises:
            DataError: nothing to ask, an id that stands twice, or a question that the
                metrics cannot judge.
        """
        questions = list(islice(self.questions.examples(quarantine), self.limit))
        _check(self, questions)
        return questions


def run(
    benchmark: Benchmark,
    questions: Sequence[Question],
    model: "PreTrainedModel",
    tokenizer: "PreTrainedTokenizerBase",
    folder: Path,
    *,
    exposure: Exposure | None = None,
) -> dict[str, Any]:
    """Ask `model`, store its replies in `folder`, then score them. Returns score.json."""
    _check(benchmark, questions)
    folder.mkdir(parents=True, exist_ok=True)
    replies = benchmark.scorer.replies(questions, model, tokenizer)
    made_by = benchmark.scorer.signature(tokenizer)
    stored.write(folder / "replies.jsonl", replies, made_by=made_by)
    return rescore(benchmark, questions, folder, exposure=exposure)


def rescore(
    benchmark: Benchmark,
    questions: Sequence[Question],
    folder: Path,
    *,
    exposure: Exposure | None = None,
) -> dict[str, Any]:
    """Score the replies in `folder` again: score.json and items.jsonl, no model needed.

    Args:
        exposure: what the model may have seen of the questions; None where nobody asks.

    Raises:
        DataError: the stored replies answer other questions.
    """
    _check(benchmark, questions)
    replies, made_by = stored.read(folder / "replies.jsonl")
    if [reply.id for reply in replies] != [question.id for question in questions]:
        raise DataError(
            f"{folder}/replies.jsonl answers other questions than benchmark {benchmark.name} "
            "asks now; delete the folder and evaluate again"
        )
    scores, items = score(benchmark, questions, replies)
    unreadable = scores.pop("unreadable", None)
    result = {
        "benchmark": benchmark.name,
        "version": benchmark.version,
        "questions": len(questions),
        "signature": f"{_counted(benchmark)}|{made_by}|v{benchmark.version}",
        **({"unreadable": unreadable["value"]} if unreadable else {}),
        "scores": scores,
    }
    if exposure is not None:
        result["contamination"] = apart(benchmark, questions, replies, exposure)
        items = [item | {"matched": exposure.seen.get(item["id"])} for item in items]
    lines = (json.dumps(item, ensure_ascii=False) + "\n" for item in items)
    (folder / "items.jsonl").write_text("".join(lines), encoding="utf-8")
    (folder / "score.json").write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
    return result


def score(
    benchmark: Benchmark, questions: Sequence[Question], replies: Sequence[Reply]
) -> tuple[dict[str, dict[str, float]], list[dict[str, Any]]]:
    """Scores with 95 % intervals, and what there is to say about each question.

    Shares (accuracy, weighted_f1, unreadable) are in [0, 1], BLEU and ROUGE in [0, 100]. BLEU
    and ROUGE are over the questions that have a reference.
    """
    scores: dict[str, dict[str, float]] = {}
    items: list[dict[str, Any]] = [
        {"id": q.id, "question": q.text, "answer": q.answer, "reference": q.reference}
        | {"strata": dict(q.strata)}
        for q in questions
    ]
    pairs = list(zip(questions, replies, strict=True))
    if "choice" in benchmark.metrics:
        chosen = [_chosen(question, reply) for question, reply in pairs]
        for item, letters, question in zip(items, chosen, questions, strict=True):
            item |= {"chosen": letters, "right": letters == question.answer}
        counted = choice.statistics(chosen, [question.answer for question in questions])
        scores |= interval(counted, choice.score)
    judged = [i for i, question in enumerate(questions) if question.reference]
    written = [_written(*pairs[i]) for i in judged]
    references = [questions[i].reference for i in judged]
    for name in [metric for metric in benchmark.metrics if metric != "choice" and judged]:
        metric, tokenize = METRICS[name], TOKENIZE[benchmark.language][name]
        counted = metric.statistics(written, references, tokenize=tokenize)
        scores |= interval(counted, metric.score)
        for i, row in zip(judged, counted, strict=True):
            items[i] |= metric.score(row)
    return scores, items


def apart(
    benchmark: Benchmark,
    questions: Sequence[Question],
    replies: Sequence[Reply],
    exposure: Exposure,
) -> dict[str, Any]:
    """What was seen in training and, if anything was, the scores without it and of it alone."""
    pairs = list(zip(questions, replies, strict=True))
    parts = {
        "clean": [pair for pair in pairs if pair[0].id not in exposure.seen],
        "matched_scores": [pair for pair in pairs if pair[0].id in exposure.seen],
    }
    scores = {
        name: score(benchmark, *zip(*part, strict=True))[0] if part else {}
        for name, part in parts.items()
    }
    matched = len(parts["matched_scores"])
    return {
        "checked": not exposure.unchecked_runs,
        "unchecked_runs": list(exposure.unchecked_runs),
        "matched": matched,
        **(scores if matched else {}),
    }


def _chosen(question: Question, reply: Reply) -> str | None:
    """The likeliest option, or the letters a written reply settles on."""
    if not reply.logps:
        return read(reply.text, list(question.options))
    if not all(map(math.isfinite, reply.logps.values())):
        raise DataError(
            f"question {question.id}: log-probabilities {dict(reply.logps)} cannot be compared; "
            "the model's weights are broken or overflow, try hardware.precision=32-true"
        )
    return max(reply.logps, key=lambda letter: reply.logps[letter])


def _written(question: Question, reply: Reply) -> str:
    """What is held against the reference: of an exam reply, its explanation."""
    return explanation(reply.text) if question.options else reply.text


def _counted(benchmark: Benchmark) -> str:
    """The metrics and their tokenisation: "choice+bleu:char"."""
    tokenize = TOKENIZE[benchmark.language]
    return "+".join(f"{m}:{tokenize[m]}" if m in tokenize else m for m in benchmark.metrics)


def _check(benchmark: Benchmark, questions: Sequence[Question]) -> None:
    """Refuse what cannot be judged, before a model spends an hour on it."""
    where = f"benchmark {benchmark.name}"
    if not questions:
        raise DataError(f"{where} has no question; look at benchmark.questions and its limit")
    id, count = Counter(question.id for question in questions).most_common(1)[0]
    if count > 1:
        raise DataError(f"{where}: {count} questions have the id {id}; ids must differ")
    needs_options = "choice" in benchmark.metrics
    for question in questions if needs_options else ():
        if not question.options or not question.answer:
            raise DataError(f"{where}: question {question.id} has no options or no answer")
        if not set(question.answer) <= set(question.options):
            raise DataError(
                f"{where}: the answer {question.answer!r} of question {question.id} is not among "
                f"its options {', '.join(question.options)}"
            )
    if set(benchmark.metrics) - {"choice"} and not any(q.reference for q in questions):
        raise DataError(f"{where}: no question has a reference for {list(benchmark.metrics)}")
