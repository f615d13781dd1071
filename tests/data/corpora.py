"""Small sources on disk, for the tests of stores, mixtures and steps."""

import json
from functools import partial
from pathlib import Path

from medllm.data.source import instruction, preference, text
from medllm.data.source.read import Source


def documents(folder: Path, name: str, texts: list[str]) -> Source:
    """A JSON lines file of documents; its store is cut."""
    return _source(folder / name, [{"text": t} for t in texts], partial(text.document, text="text"))


def dialogues(folder: Path, name: str, exchanges: list[tuple[str, str]]) -> Source:
    """A JSON lines file of questions and answers."""
    records = [{"q": question, "a": answer} for question, answer in exchanges]
    return _source(
        folder / name, records, partial(instruction.question_answer, question=["q"], answer="a")
    )


def pairs(folder: Path, name: str, judged: list[tuple[str, str]]) -> Source:
    """A JSON lines file of chosen and rejected replies to one question."""
    records = [{"q": "why?", "good": good, "bad": bad} for good, bad in judged]
    return _source(
        folder / name,
        records,
        partial(preference.pair, prompt=["q"], chosen="good", rejected="bad"),
    )


def _source(stem: Path, records: list[dict], to_example: partial) -> Source:
    file = stem.with_suffix(".jsonl")
    file.write_text("".join(json.dumps(record) + "\n" for record in records))
    return Source(
        files=str(file),
        format="jsonl",
        encoding="utf-8",
        to_example=to_example,
        limit=None,
        has_patient_data=False,
    )
