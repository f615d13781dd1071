"""Running text: web pages, encyclopedias, books."""

from collections.abc import Mapping

from medllm.data.source import record as read
from medllm.data.source.record import MissingField, Record
from medllm.errors import DataError
from medllm.types import Document


def document(record: Record, id: str, *, text: str) -> Document:
    """The field named `text`, e.g. "content.text" for one inside another."""
    return Document(id, read.text(record, text))


def passages(record: Record, id: str) -> Document:
    """An article of SQuAD's form, as CMRC 2018 has it: its passages without the questions.

    A passage that is there twice, once for each set of questions, is told once. The title is
    left out: CMRC's are numbers.

    Raises:
        MissingField: no `paragraphs`.
        DataError: a paragraph without a `context`.
    """
    if "paragraphs" not in record:
        raise MissingField("paragraphs")
    paragraphs = record["paragraphs"]
    if not isinstance(paragraphs, list) or not paragraphs:
        raise DataError("field 'paragraphs' is not a list of passages")
    if not all(isinstance(paragraph, Mapping) for paragraph in paragraphs):
        raise DataError("field 'paragraphs' is not a list of passages")
    told = dict.fromkeys(read.text(paragraph, "context") for paragraph in paragraphs)
    return Document(id, "\n".join(told))
