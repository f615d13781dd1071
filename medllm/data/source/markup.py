"""Elements of XML as lines of text.

<p>Fever [<xref>3</xref>]
   is <b>high</b>.</p>     ->  "Fever is high."
"""

import re
from collections.abc import Iterator, Set

import lxml.etree as etree

from medllm.data.source import record as read
from medllm.data.source.cut import CUT, mended
from medllm.data.source.record import Record
from medllm.errors import DataError


def element(record: Record) -> etree._Element:
    """The record of an XML file as an element whose names are free of namespaces.

    Raises:
        DataError: it is not XML.
    """
    parser = etree.XMLParser(
        huge_tree=True,
        no_network=True,
        resolve_entities=False,
        remove_comments=True,
        remove_pis=True,
    )
    try:
        root = etree.fromstring(read.text(record, "xml"), parser)
    except etree.XMLSyntaxError as error:
        raise DataError(f"field 'xml' is not XML: {error.msg}") from None
    for each in root.iter("{*}*"):
        each.tag = etree.QName(each).localname
    return root


def lines(
    root: etree._Element, *, blocks: Set[str], left_out: Set[str], cut: Set[str] = frozenset()
) -> list[str]:
    """The text of `root`, one line per block; space within a line is single.

    Args:
        root: an element, or one of its parts.
        blocks: names of elements that begin and end a line.
        left_out: names of elements that are no part of the text.
        cut: names of those that only point elsewhere, so that "(see <xref/>)" goes with them.
    """
    text = "".join(_pieces(root, blocks, left_out, cut))
    return [line for part in text.split("\n") if (line := mended(part).strip())]


def _pieces(
    parent: etree._Element, blocks: Set[str], left_out: Set[str], cut: Set[str]
) -> Iterator[str]:
    border = "\n" if parent.tag in blocks else ""
    yield border
    yield _single_spaced(parent.text)
    for child in parent:
        if child.tag in cut:
            yield CUT
        elif child.tag not in left_out:
            yield from _pieces(child, blocks, left_out, cut)
        yield _single_spaced(child.tail)
    yield border


def _single_spaced(text: str | None) -> str:
    return re.sub(r"\s+", " ", text or "")
