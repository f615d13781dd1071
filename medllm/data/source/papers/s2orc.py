"""S2ORC, the papers of Semantic Scholar (Lo et al. 2020), in the forms it was published in.

    annotated   since 2022: one text, and annotations that are spans of it (PMC-LLaMA's)
    parsed      before: a list of paragraphs with their sections, as s2orc-doc2json writes

A span counts characters from the start of its text.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from medllm.data.source import record as read
from medllm.data.source.cut import CUT, mended
from medllm.data.source.record import MissingField, Record
from medllm.errors import ConfigError, DataError
from medllm.types import Document

Span = tuple[int, int]


def annotated(
    record: Record, id: str, *, removed: Sequence[str], marked: Mapping[str, str], pmc_only: bool
) -> Document:
    """`content.text` without, or with marks around, the spans of some annotations.

    PMC-LLaMA marks authors and bibliography by the tokens [author] and [bib] and strips them
    while loading (its Pretrain/Data/tokenize_dataset.py): `removed: [author, bibentry]`, or
    `marked: {author: "[author]", bibentry: "[bib]"}` to leave it to the model.

    Args:
        record: with content.text, content.annotations and externalids.pubmedcentral.
        id: of the record.
        removed: keys of content.annotations.
        marked: key to the mark that is put before and after each span.
        pmc_only: refuse what has no PubMed Central id, as PMC-LLaMA does.

    Raises:
        ConfigError: an annotation that is removed and marked.
        DataError: no text, no PubMed Central id, or a span that does not lie in the text.
    """
    if both := marked.keys() & set(removed):
        raise ConfigError([f"annotation '{min(both)}' is in both removed and marked"])
    if pmc_only:
        _refuse_without(record, "externalids.pubmedcentral")
    text = _raw_text(record)
    edits = [(*span, CUT) for name in removed for span in _annotated(record, name, len(text))]
    for name, mark in marked.items():
        for start, stop in _annotated(record, name, len(text)):
            edits += [(start, start, mark), (stop, stop, mark)]
    lines = [mended(line).strip() for line in _edited(text, edits).split("\n")]
    return Document(id, _not_empty("\n".join(line for line in lines if line), "content.text"))


def parsed(record: Record, id: str, *, cut: Sequence[str], pmc_only: bool) -> Document:
    """Title, abstract and body, each section's name before its first paragraph.

    The releases differ in where the paragraphs stand: in grobid_parse or latex_parse (2019),
    on top (since 2020). The title is in `metadata`, if there is one. References, captions of
    figures and tables, and the back matter are other fields, and stay there.

    Args:
        record: a paper.
        id: of the record.
        cut: lists of spans in a paragraph to cut out of it: cite_spans, ref_spans, eq_spans.
        pmc_only: refuse what has no PubMed Central id in its metadata.

    Raises:
        DataError: no paragraph, no PubMed Central id, or a span that does not lie in its text.
    """
    if pmc_only:
        _refuse_without(record, "metadata.pmc_id")
    parse = record.get("latex_parse") or record.get("grobid_parse") or record
    if not isinstance(parse, Mapping) or "body_text" not in parse:
        raise MissingField("body_text")
    lines = _paragraphs(parse, "abstract", cut) + _paragraphs(parse, "body_text", cut)
    text = _not_empty("\n".join(lines), "body_text")
    metadata = record.get("metadata")
    title = read.optional(metadata, "title") if isinstance(metadata, Mapping) else ""
    return Document(id, f"{title}\n{text}" if title else text)


def _refuse_without(record: Record, name: str) -> None:
    outer, inner = name.split(".")
    ids = record.get(outer)
    if not isinstance(ids, Mapping) or not ids.get(inner):
        raise DataError(f"no PubMed Central id in '{name}'")


def _raw_text(record: Record) -> str:
    """Not stripped: the spans count from its first character."""
    content = record.get("content")
    text = content.get("text") if isinstance(content, Mapping) else None
    if not isinstance(text, str):
        raise MissingField("content.text")
    return text


def _annotated(record: Record, name: str, length: int) -> list[Span]:
    """The spans of one annotation, which is a list in JSON, or null."""
    content = record["content"]
    assert isinstance(content, Mapping), "_raw_text has read it"
    annotations = content.get("annotations")
    written = annotations.get(name) if isinstance(annotations, Mapping) else None
    if written is None:
        return []
    field = f"content.annotations.{name}"
    try:
        spans = json.loads(written)
    except (ValueError, TypeError):
        raise DataError(f"field '{field}' is not a list in JSON: {str(written)[:40]}") from None
    return _spans(spans, length, field)


def _spans(spans: Any, length: int, field: str) -> list[Span]:
    """`spans` as numbers, of a text of `length` characters."""
    try:
        found = [(int(span["start"]), int(span["end"])) for span in spans]
    except (ValueError, TypeError, KeyError):
        raise DataError(f"field '{field}' is not a list of {{start, end}}") from None
    for start, stop in found:
        if not 0 <= start <= stop <= length:
            raise DataError(f"field '{field}' has {start} to {stop}; its text has {length}")
    return found


def _edited(text: str, edits: Sequence[tuple[int, int, str]]) -> str:
    """`text` with each (start, stop) replaced; of edits that overlap, the first is made."""
    pieces, at = [], 0
    for start, stop, new in sorted(edits, key=lambda edit: (edit[0], -edit[1])):
        if start >= at:
            pieces += [text[at:start], new]
        at = max(at, stop)
    return "".join([*pieces, text[at:]])


def _paragraphs(parse: Mapping[str, Any], name: str, cut: Sequence[str]) -> list[str]:
    found = parse.get(name) or []
    if isinstance(found, str):  # the abstract of some records
        return [found.strip()]
    lines, section = [], ""
    for paragraph in found:
        if not isinstance(paragraph, Mapping) or not isinstance(paragraph.get("text"), str):
            raise DataError(f"field '{name}' is not a list of paragraphs with their text")
        heading = read.optional(paragraph, "section")
        if heading and heading not in (section, "Abstract"):
            lines.append(heading)
        section = heading
        lines.append(mended(_without(paragraph, cut, name)).strip())
    return [line for line in lines if line]


def _without(paragraph: Mapping[str, Any], cut: Sequence[str], name: str) -> str:
    text = paragraph["text"]
    spans = [
        span
        for kind in cut
        for span in _spans(paragraph.get(kind) or [], len(text), f"{name}.{kind}")
    ]
    return _edited(text, [_cut(text, *span) for span in spans])


def _cut(text: str, start: int, stop: int) -> tuple[int, int, str]:
    """A cut that leaves a bracket whose other half lies outside: "(Nair, 2006;" -> "(CUT"."""
    opened = text.count("(", start, stop) - text.count(")", start, stop)
    return start, stop, "(" * opened + CUT + ")" * -opened


def _not_empty(text: str, name: str) -> str:
    if not text:
        raise DataError(f"field '{name}' is empty")
    return text
