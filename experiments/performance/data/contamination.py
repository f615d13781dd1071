"""The contamination gate on real exams and texts: what it finds, what it misses, how fast.

    .venv/bin/python experiments/performance/data/contamination.py ../shared/data

One thread. Copies are planted into real consultations: whole, edited at a rate (a third each
replaced, followed by a stray one, left out; Chinese by characters, English by words), with the
options turned round, in traditional characters, with one digit changed.
"""

import json
import random
import re
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import opencc

from medllm.data.contamination.gate import Contamination, Match
from medllm.data.source import exam
from medllm.data.source.read import Quarantine, Source
from medllm.types import Question

GATE = Contamination(benchmarks=[], characters=13, words=13, near=0.35, drop="any")
TRADITIONAL = opencc.OpenCC("s2t")
REPEATS = 3


def main(shared: Path) -> None:
    exams = {
        "CMExam test": cmexam(shared, "test"),
        "CMExam train": cmexam(shared, "train"),
        "MedQA test": medqa(shared, "test"),
        "MedQA train": medqa(shared, "train"),
        "MedMCQA dev": medmcqa(shared, "dev"),
        "MedMCQA train": medmcqa(shared, "train"),
        "CMMLU": cmmlu(shared),
    }
    chinese, english = running_text(shared)
    recall(exams["CMExam test"], chinese, list)
    recall(exams["MedMCQA dev"], english, str.split)
    recall(exams["MedQA test"], english, str.split)
    for asked, told in (
        ("CMExam test", "CMExam train"),
        ("CMMLU", "CMExam train"),
        ("MedQA test", "MedQA train"),
        ("MedMCQA dev", "MedMCQA train"),
    ):
        real(asked, exams[asked], told, exams[told])
    both = {name: exams[name] for name in ("CMExam train", "CMMLU", "MedQA train", "MedMCQA train")}
    speed("Chinese", chinese, both)
    speed("English", english, both)


def recall(questions: Sequence[Question], hosts: Sequence[str], cut: Callable) -> None:
    """Of the copies planted into other texts, the share that is found, and what else is."""
    print(f"\n{len(questions)} planted: share found, (others found)")
    kinds: dict[str, Callable] = {
        "whole": copy,
        "options turned": lambda q: copy(turned(q)),
        "traditional": lambda q: TRADITIONAL.convert(copy(q)),
        "a digit": lambda q: re.sub(r"\d", lambda d: str((int(d[0]) + 1) % 10), copy(q), count=1),
        **{f"{rate} %": lambda q, r=rate: edited(copy(q), r / 100, cut) for rate in (2, 5, 10)},
        "stem alone": lambda q: q.text,
        **{f"stem {rate} %": lambda q, r=rate: edited(q.text, r / 100, cut) for rate in (5, 10)},
    }
    for kind, make in kinds.items():
        random.seed(0)
        texts = [f"{random.choice(hosts)}\n{make(q)}\n{random.choice(hosts)}" for q in questions]
        found = matches(texts, {"exam": questions})
        own = sum(questions[match.example].id == match.question for match in found)
        print(f"  {kind:15} {own / len(questions):.3f} ({len(found) - own})")


def real(asked: str, questions: Sequence[Question], told: str, others: Sequence[Question]) -> None:
    """Pairs in real files, to be read by eye, beside those that share any run of 13."""
    found = matches([copy(q) for q in others], {asked: questions})
    print(f"\n{asked} in {told}: {len(found)} pairs; {any_run(questions, others)} share any run")
    for match in found:
        text = others[match.example].text[:70]
        print(f"  {match.kind:8} {match.overlap:.2f} | {match.excerpt[:70]} | {text}")


def any_run(questions: Sequence[Question], others: Sequence[Question]) -> int:
    """Pairs that share 13 characters, or words of an English question: the usual rule."""
    is_chinese = re.search("[\u4e00-\u9fff]", questions[0].text)

    def runs(text: str) -> set[str]:
        units = re.findall(r"[^\W_]" if is_chinese else r"[^\W_]+", text.lower())
        return {" ".join(units[at : at + 13]) for at in range(len(units) - 12)}

    stems = [runs(question.text) for question in questions]
    texts = [runs(copy(other)) for other in others]
    return sum(not stem.isdisjoint(text) for stem in stems for text in texts)


def speed(name: str, texts: Sequence[str], exams: dict[str, Sequence[Question]]) -> None:
    """Megabytes of UTF-8 per CPU-second, the plan of the questions left out of the time."""
    texts = [*texts] * 20
    size = sum(len(text.encode()) for text in texts) / 1e6
    whole, plan = (min(seconds(each, exams) for _ in range(REPEATS)) for each in (texts, ["x"]))
    asked = sum(map(len, exams.values()))
    print(f"\n{name}: {size:.0f} MB against {asked} questions, {size / (whole - plan):.0f} MB/s")
    print(f"  plan of the questions {plan:.1f} s, found {len(matches(texts, exams))}")


def seconds(texts: Sequence[str], exams: dict[str, Sequence[Question]]) -> float:
    started = time.process_time()
    matches(texts, exams)
    return time.process_time() - started


def matches(texts: Sequence[str], exams: dict[str, Sequence[Question]]) -> list[Match]:
    return GATE.matches(texts, exams, workers=1, memory=1 << 30)


def copy(question: Question) -> str:
    options = "\n".join(f"{letter}. {text}" for letter, text in question.options.items())
    return f"{question.text}\n{options}\n答案：{question.answer}\n{question.reference}"


def turned(question: Question) -> Question:
    texts = random.sample(list(question.options.values()), len(question.options))
    return replace(question, options=dict(zip(question.options, texts, strict=True)))


def edited(text: str, rate: float, cut: Callable) -> str:
    between = " " if cut is str.split else ""
    units = []
    for unit in cut(text):
        way = random.choice("rsl") if random.random() < rate else ""
        units += {"": [unit], "r": ["某"], "s": [unit, "某"], "l": []}[way]
    return between.join(units).replace("某", "some" if between else "某")


def read(files: Path, format: str, to_example: Callable, **more: Any) -> list[Question]:
    given = {"encoding": "utf-8", "limit": None, "has_patient_data": False} | more
    source = Source(files=str(files), format=format, to_example=to_example, **given)
    return list(source.examples(Quarantine()))


def cmexam(shared: Path, split: str) -> list[Question]:
    return read(shared / f"exam/cmexam/{split}.csv", "csv", exam.cmexam)


def cmmlu(shared: Path) -> list[Question]:
    def to_example(record: Any, id: str) -> Question:
        return exam.columns(record, id, question="Question", options=[*"ABCD"], answer="Answer")

    return read(shared / "exam/cmmlu/test/*.csv", "csv", to_example)


def medqa(shared: Path, split: str) -> list[Question]:
    def to_example(record: Any, id: str) -> Question:
        return exam.lettered(
            record, id, question="question", options="options", answer="answer_idx"
        )

    return read(shared / f"exam/medqa_usmle/{split}.jsonl", "jsonl", to_example)


def medmcqa(shared: Path, split: str) -> list[Question]:
    def to_example(record: Any, id: str) -> Question:
        options = dict(zip("ABCD", (record[f"op{x}"] or "none" for x in "abcd"), strict=True))
        answer = "ABCD"[record["cop"] - 1]
        return Question(id, record["question"], options, answer, record["exp"] or "")

    return read(shared / f"exam/medmcqa/{split}.json", "jsonl", to_example)


def running_text(shared: Path) -> tuple[list[str], list[str]]:
    """Consultations, books, encyclopedias: Chinese 6 MB, English 2 MB; none holds an exam."""
    toyhom = (shared / "dialogue/toyhom/内科.csv").read_text(encoding="gb18030").splitlines()
    huatuo = json.loads((shared / "qa/huatuo26m/huatuo26M_test.json").read_text())
    books = [f.read_text(encoding="gb18030") for f in (shared / "text/zh/tcm_books").glob("*.txt")]
    chatdoctor = json.loads((shared / "dialogue/chatdoctor/chatdoctor5k.json").read_text())
    openstax = [f.read_text() for f in (shared / "text/en/openstax_anatomy/txt").glob("*.txt")]
    medquad = [
        re.sub("<[^>]+>", " ", f.read_text()) for f in (shared / "text/en/medquad").rglob("*.xml")
    ]
    return (
        [line for line in toyhom if len(line) > 100]
        + [f"{r['instruction'][0]}\n{r['output'][0]}" for r in huatuo]
        + [part for book in books for part in book.split("\n\n\n") if len(part) > 100],
        [f"{r['input']}\n{r['output']}" for r in chatdoctor]
        + [part for text in openstax + medquad for part in text.split("\n\n") if len(part) > 100],
    )


if __name__ == "__main__":
    main(Path(sys.argv[1]))
