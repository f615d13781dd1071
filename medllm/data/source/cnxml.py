"""Chapters of OpenStax textbooks in CNXML."""

from medllm.data.source import markup
from medllm.data.source.record import Record
from medllm.errors import DataError
from medllm.types import Document

BLOCKS = {"content", "definition", "item", "list", "note", "para", "section", "title"}
LEFT_OUT = {"equation", "exercise", "figure", "label", "media", "metadata", "table"}
# Sections that are no text of the chapter: exercises, references, the names of the authors.
SECTIONS = {"contrib-auth", "free-response", "interactive-exercise", "multiple-choice"}
SECTIONS |= {"references", "sr-contrib-auth"}


def chapter(record: Record, id: str) -> Document:
    """Title, text and glossary of a module, one paragraph, heading or item per line.

    Left out are figures, tables, equations, exercises, references, authors and links to other
    places of the book; the words of a link to the web stay.

    Args:
        record: the element `document`.
        id: of the record.

    Raises:
        DataError: no `content`.
    """
    root = markup.element(record)
    content = root.find("content")
    if content is None:
        raise DataError("the module has no 'content'")
    for section in list(content.iter("section")):
        if section.get("class") in SECTIONS:
            section.tag = "exercise"
    for link in content.iter("link"):
        link.tag = "link" if link.get("url") is None else "term"
    for term in root.iterfind(".//definition/term"):
        term.tail = ": "
    parts = [part for name in ("title", "content", "glossary") for part in root.findall(name)]
    lines = [
        line
        for part in parts
        for line in markup.lines(part, blocks=BLOCKS, left_out=LEFT_OUT, cut={"link", "math"})
    ]
    return Document(id, "\n".join(lines))
