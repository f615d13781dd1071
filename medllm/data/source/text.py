"""Running text: books, papers, web pages."""

from medllm.data.source import record as read
from medllm.data.source.record import Record
from medllm.types import Document


def document(record: Record, id: str, *, text: str) -> Document:
    """The field named `text`, e.g. "content.text" for one inside another."""
    return Document(id, read.text(record, text))
