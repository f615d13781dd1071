"""Citations in MEDLINE's XML, the files that PubMed is published in."""

import lxml.etree as etree

from medllm.data.source import markup
from medllm.data.source.record import Record
from medllm.errors import DataError
from medllm.types import Document


def citation(record: Record, id: str) -> Document:
    """The title, and the abstract below it, a labelled part of it per line.

    Args:
        record: the element `MedlineCitation`.
        id: of the record.

    Raises:
        DataError: no title or no abstract; about half of PubMed has none.
    """
    root = markup.element(record)
    title = _line(root.find("Article/ArticleTitle"))
    parts = [_labelled(part) for part in root.findall("Article/Abstract/AbstractText")]
    told = [part for part in parts if part]
    if not title or not told:
        missing = "Abstract" if title else "ArticleTitle"
        raise DataError(f"the citation has no '{missing}'")
    return Document(id, "\n".join([title, *told]))


def _labelled(part: etree._Element) -> str:
    text, label = _line(part), part.get("Label")
    return f"{label}: {text}" if label and text else text


def _line(part: etree._Element | None) -> str:
    if part is None:
        return ""
    return " ".join(markup.lines(part, blocks=set(), left_out=set(), cut={"math"}))
