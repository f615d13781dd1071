"""Articles in JATS XML, as PMC and PLOS publish them."""

import re

import lxml.etree as etree

from medllm.data.source import markup
from medllm.data.source.record import Record
from medllm.errors import DataError
from medllm.types import Document

PMC = ("pmc", "pmcid")  # the id's type; the second since 2024
BLOCKS = {"abstract", "article-title", "body", "boxed-text", "def-item", "disp-quote", "list"}
BLOCKS |= {"list-item", "p", "sec", "statement", "subtitle", "term", "title", "verse-group"}
# Figures, tables and formulae with their captions; numbers before a heading or an item.
LEFT_OUT = {"alternatives", "disp-formula", "disp-formula-group", "fig", "fig-group", "fn"}
LEFT_OUT |= {"graphic", "inline-graphic", "label", "media", "object-id", "ref-list", "sec-meta"}
LEFT_OUT |= {"supplementary-material", "table-wrap", "table-wrap-group"}
CUT = {"xref", "inline-formula", "inline-supplementary-material", "math", "tex-math"}

_NARRATIVE = re.compile(r"(.*\S)\s*\((?:19|20)\d\d[a-z]?\)")  # "Leino et al. (2005)"


def article(record: Record, id: str, *, pmc_only: bool) -> Document:
    """Title, abstract and body in order: headings and paragraphs, one per line.

    Left out are figures, tables, formulae, citations, mentions of figures and tables, the back
    matter, and the abstracts for other readers (`abstract-type`: a summary, a teaser). Words
    of the sentence stay: a section that is named, the authors that are the subject.

    Args:
        record: the element `article`.
        id: of the record.
        pmc_only: refuse what has no PubMed Central id; PMC-LLaMA's papers all have one.

    Raises:
        DataError: no metadata, no PubMed Central id, or neither abstract nor body.
    """
    root = markup.element(record)
    meta = root.find("front/article-meta")
    if meta is None:
        raise DataError("the article has no 'front/article-meta'")
    if pmc_only and not any(meta.findtext(f"article-id[@pub-id-type='{kind}']") for kind in PMC):
        raise DataError("the article has no PubMed Central id among its 'article-id'")
    told = [each for each in meta.findall("abstract") if each.get("abstract-type") is None]
    text = [line for part in (*told, *root.findall("body")) for line in _lines(part)]
    if not text:
        raise DataError("the article has neither 'abstract' nor 'body'")
    title = [line for part in meta.findall("title-group/article-title") for line in _lines(part)]
    return Document(id, "\n".join(title + text))


def _lines(part: etree._Element) -> list[str]:
    for mention in list(part.iter("xref")):
        narrative = _NARRATIVE.fullmatch("".join(mention.itertext()).strip())
        if mention.get("ref-type") == "sec":
            mention.tag = "named-content"
        elif mention.get("ref-type") == "bibr" and narrative:
            mention.tag, mention.text = "named-content", narrative[1]
            del mention[:]
    for section in list(part.iter("sec")):
        if all(child.tag == "title" or child.tag in LEFT_OUT for child in section):
            section.tag = "supplementary-material"  # a heading with nothing below it
    return markup.lines(part, blocks=BLOCKS, left_out=LEFT_OUT, cut=CUT)
