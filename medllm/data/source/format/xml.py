"""Records that are elements of an XML file."""

from collections.abc import Iterator
from typing import Any

import lxml.etree as etree

from medllm.data.source.format.raw import Raw, Records
from medllm.data.source.record import Malformed


def elements(raw: Raw) -> Records:
    """Every outermost element named `raw.at`, or the root, numbered from 1 as they come."""
    number = 0
    try:
        for number, element in enumerate(_outermost(raw), start=1):
            xml = etree.tostring(element, encoding="unicode", with_tail=False)
            yield number, {"xml": xml, "name": raw.name}
    except etree.XMLSyntaxError as error:
        what = f"not XML after record {number}, and the rest is not read: {error.msg}"
        yield number + 1, Malformed(what, "")


def _outermost(raw: Raw) -> Iterator[Any]:
    depth = 0
    with raw.utf8() as file:
        events = etree.iterparse(
            file, events=("start", "end"), tag=f"{{*}}{raw.at}" if raw.at else None,
            encoding="utf-8", no_network=True,
        )  # fmt: skip
        for event, element in events:
            depth += 1 if event == "start" else -1
            if depth == 0:
                yield element
                _forget(element)


def _forget(element: Any) -> None:
    """Free it and all that stands before it."""
    element.clear()
    for each in (element, *element.iterancestors()):
        parent = each.getparent()
        while parent is not None and each.getprevious() is not None:
            del parent[0]
