"""Records into lines of a corpus: made into examples, altered, judged, de-identified.

record -> to_example -> alter -> keep -> deidentify -> a line of the corpus
what does not come through -> LeftOut, with file, line, step, reason
"""

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from medllm.data.corpus import encoded
from medllm.data.example import altered, saying, text_of, texts
from medllm.data.left_out import EXCERPT, LeftOut
from medllm.data.source.read import Source
from medllm.data.source.record import Malformed, MissingColumn, Record
from medllm.errors import DataError
from medllm.types import Example, Preference, Question

Entry = tuple[int, Record | Malformed]


@dataclass(slots=True)
class Made:
    """What a batch gave.

    characters: of the texts that are kept.
    audit: a line of JSON for every place that was de-identified, without what stood there.
    """

    lines: list[bytes]
    left_out: list[LeftOut]
    audit: list[str]
    records: int
    characters: int
    kinds: set[str]


def clean(source: Source, example: Example) -> Example | tuple[str, str]:
    """The example as it is trained on, or the step that refuses it and the reason."""
    for name, alter in source.alter.items():
        if (result := altered(example, alter)) is None:
            return name, "nothing is left of it"
        example = result
    for name, keep in source.keep.items():
        kept = keep(example)
        if kept is not True:
            return name, kept[1]  # type: ignore[index]
    return example


def _deidentified(source: Source, example: Example) -> tuple[Example, list[str]]:
    """The example with surrogates, and the lines of the audit."""
    if source.deidentify is None:
        return example, []
    said, removals = source.deidentify.apply(example.id, texts(example))
    lines = [json.dumps({"id": example.id, **asdict(removal)}) for removal in removals]
    return saying(example, said), lines


def cleaned_as(source: Source, examples: Iterable[Any]) -> Iterator[Example]:
    """Those of `examples` that training would keep, as it would read them."""
    for example in examples:
        result = clean(source, example)
        if not isinstance(result, tuple):
            yield _deidentified(source, result)[0]


def cleaned(source: Source, batch: Sequence[Entry], file: Path) -> Made:
    """A batch of one file, done. Runs in a worker."""
    made = Made([], [], [], len(batch), 0, set())
    for line, record in batch:
        try:
            examples = source.made(file, line, record)
        except MissingColumn:
            raise  # of the whole file
        except DataError as error:
            why = source.reason(error, record), source.excerpt(record)
            made.left_out.append(LeftOut(str(file), line, "", "read", *why))
            continue
        for example in examples:
            _add(made, source, example, file, line)
    return made


def _add(made: Made, source: Source, example: Example | Question, file: Path, line: int) -> None:
    if isinstance(example, Question):
        raise DataError(
            f"{example.id} is an exam question; to train on it, make it a lesson with "
            "medllm.data.source.exam.conversation"
        )
    result = clean(source, example)
    if isinstance(result, tuple):
        excerpt = "" if source.has_patient_data else text_of(example)[:EXCERPT]
        made.left_out.append(LeftOut(str(file), line, example.id, *result, excerpt))
        return
    result, audit = _deidentified(source, result)
    if isinstance(result, Preference) and result.chosen == result.rejected:
        reason = "cleaning has made the replies the same"
        made.left_out.append(LeftOut(str(file), line, example.id, "pair", reason, ""))
        return
    made.audit += audit
    made.kinds.add(type(result).__name__)
    made.characters += len(text_of(result))
    made.lines.append(encoded(result, line).encode())
