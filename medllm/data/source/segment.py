"""A long text in pieces that a row can hold.

HuatuoGPT-II cuts its books and pages into passages by their length before anything else
(Chen et al. 2023, arXiv 2311.09774). Packed whole, a book would be cut at the end of its row
and the rest of it lost.
"""

import re
from collections.abc import Iterator

from medllm.data.source import record as read
from medllm.data.source.record import Record
from medllm.types import Document

# After the end of a sentence, the space behind it included; else after any character.
_SENTENCE = re.compile(r".*?(?:[。！？；]|[.!?;]\s|$)", re.DOTALL)


def passages(record: Record, id: str, *, text: str, longest: int) -> list[Document]:
    """The field `text` in passages, as long as may be, cut between lines.

    A line that is too long is cut between sentences, a sentence where it must be.

    Args:
        record: with the field `text`, as `medllm.data.source.text.document` takes it.
        id: of the record.
        text: a field.
        longest: characters of a passage.
    """
    told: list[str] = []
    for line in read.text(record, text).split("\n"):
        for piece, join in _fitting(line, longest):
            if told and len(told[-1]) + len(join) + len(piece) <= longest:
                told[-1] += join + piece
            else:
                told.append(piece)
    whole = (passage.strip() for passage in told)
    return [Document(f"{id}/{k}", each) for k, each in enumerate(filter(None, whole), start=1)]


def _fitting(line: str, longest: int) -> Iterator[tuple[str, str]]:
    """The line, or pieces of it, each with what joins it to the one before."""
    if len(line) <= longest:
        yield line, "\n"
        return
    join = "\n"
    for sentence in _SENTENCE.findall(line):
        for start in range(0, len(sentence), longest):
            yield sentence[start : start + longest], join
            join = ""
