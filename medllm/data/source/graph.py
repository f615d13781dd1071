"""Knowledge graphs, put into sentences."""

from collections.abc import Mapping

from medllm import prompt
from medllm.data.source import record as read
from medllm.data.source.record import Record
from medllm.errors import DataError
from medllm.types import Document


def disease(record: Record, id: str, *, sentences: Mapping[str, str]) -> Document:
    """One line per known field of a disease, in the order of `sentences`.

    Xywy's JSON lines hold one disease each, with its name and fields that are text or
    lists; what is absent or empty is passed over.

    Args:
        record: the disease.
        id: of the record.
        sentences: field to sentence, e.g. {"symptom": "{name}的症状包括：{value}。"}.

    Raises:
        DataError: if no named field has a value.
    """
    name = read.text(record, "name")
    values = {field: _listed(record, field) for field in sentences}
    lines = [
        prompt.fill(sentence, {"name": name, "value": values[field]})
        for field, sentence in sentences.items()
        if values[field]
    ]
    if not lines:
        raise DataError(f"'{name}' has none of {', '.join(sentences)}")
    return Document(id, "\n".join(lines))


def _listed(record: Record, field: str) -> str:
    value = record.get(field)
    if isinstance(value, list):
        return "、".join(str(item).strip() for item in value if str(item).strip())
    return read.optional(record, field)
