"""Papers in S2ORC, JATS and MEDLINE: what is told of them, and which are refused."""

import json

import pytest

from medllm.data.source.papers import jats, medline, s2orc
from medllm.errors import ConfigError, DataError

TEXT = "  Fever\nAnn Lee, Bo Chen\nFever is high [1].\nReferences\n1. Lee A. Fever. 2001.\n2. Chen."
SPANS = {
    "author": [{"start": 8, "end": 15}, {"start": "17", "end": "24"}],  # some write them as text
    "bibentry": [{"start": 55, "end": 77}, {"start": 78, "end": 86}],
}


def s2orc_record(**change):
    annotations = {name: json.dumps(spans) for name, spans in SPANS.items()} | {"figure": None}
    content = {"text": TEXT, "annotations": annotations | change.pop("annotations", {})}
    return {"content": content, "externalids": {"pubmedcentral": "12"}} | change


def annotated(record=None, *, removed=("author", "bibentry"), marked=None, pmc_only=True):
    record = s2orc_record() if record is None else record
    return s2orc.annotated(
        record, "s/1", removed=removed, marked=marked or {}, pmc_only=pmc_only
    ).text


def test_the_spans_of_the_record_below_lie_where_they_say():
    spans = {name: [(int(s["start"]), int(s["end"])) for s in SPANS[name]] for name in SPANS}
    assert [TEXT[a:b] for a, b in spans["author"]] == ["Ann Lee", "Bo Chen"]
    assert [TEXT[a:b] for a, b in spans["bibentry"]] == ["1. Lee A. Fever. 2001.", "2. Chen."]


def test_s2orc_loses_authors_and_bibliography():
    assert annotated() == "Fever\nFever is high [1].\nReferences"


def test_s2orc_may_mark_them_instead():
    assert annotated(removed=["author"], marked={"bibentry": "[bib]"}).split("\n")[3:] == [
        "[bib]1. Lee A. Fever. 2001.[bib]",
        "[bib]2. Chen.[bib]",
    ]


def test_a_mark_within_a_removed_span_goes_with_it():
    """The bibliography's first entry names an author, characters 58 to 63."""
    record = s2orc_record(annotations={"author": json.dumps([{"start": 58, "end": 63}])})
    text = annotated(record, removed=["bibentry"], marked={"author": "[author]"})
    assert text == "Fever\nAnn Lee, Bo Chen\nFever is high [1].\nReferences"


def test_s2orc_without_annotations_is_told_whole():
    record = s2orc_record(annotations={"author": None, "bibentry": None})
    assert annotated(record).split("\n") == [line.strip() for line in TEXT.split("\n")]


@pytest.mark.parametrize("ids", [None, {}, {"pubmedcentral": None}])
def test_s2orc_without_a_pubmed_central_id_is_refused_if_one_is_asked_for(ids):
    record = s2orc_record(externalids=ids)
    with pytest.raises(DataError, match=r"no PubMed Central id in 'externalids\.pubmedcentral'"):
        annotated(record)
    assert annotated(record, pmc_only=False) == annotated()


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"content": None}, r"no field 'content\.text'"),
        ({"content": {"text": " \n "}}, r"field 'content\.text' is empty"),
        (
            {"annotations": {"author": "[{"}},
            r"field 'content\.annotations\.author' is not a list in",
        ),
        ({"annotations": {"author": '[{"start": 1}]'}}, r"author' is not a list of \{start, end\}"),
        (
            {"annotations": {"bibentry": '[{"start": 80, "end": 87}]'}},
            r"'content\.annotations\.bibentry' has 80 to 87; its text has 86",
        ),
        ({"annotations": {"author": '[{"start": 9, "end": 8}]'}}, "has 9 to 8; its text has 86"),
    ],
)
def test_a_malformed_s2orc_record_is_refused_by_its_field(change, reason):
    with pytest.raises(DataError, match=reason):
        annotated(s2orc_record(**change))


def test_an_annotation_cannot_be_removed_and_marked():
    with pytest.raises(ConfigError, match="annotation 'author' is in both removed and marked"):
        annotated(marked={"author": "[author]"})


def paragraph(text, section="", **spans):
    return {"text": text, "section": section, "cite_spans": [], "ref_spans": []} | spans


PARSED = {
    "abstract": [paragraph("Short.", "Abstract")],
    "body_text": [
        paragraph("Fever (Lee, 2001) .", "Results", cite_spans=[{"start": 6, "end": 17}]),
        paragraph("Cough (1, 2).", "Results", cite_spans=[{"start": 6, "end": 9},
                                                          {"start": 10, "end": 12}]),
    ],
    "back_matter": [paragraph("Thanks.")],
}  # fmt: skip


@pytest.mark.parametrize(
    ("record", "title"),
    [
        ({"metadata": {"title": "Fever"}, "grobid_parse": PARSED, "latex_parse": None}, "Fever\n"),
        ({"metadata": {"title": "Fever"}, "grobid_parse": {}, "latex_parse": PARSED}, "Fever\n"),
        (PARSED, ""),
    ],
)
def test_a_parsed_paper_is_told_by_sections_wherever_its_release_has_them(record, title):
    """Half a bracket is in each of two spans: the bracket goes when both do."""
    text = s2orc.parsed(record, "s/1", cut=["cite_spans"], pmc_only=False).text
    assert text == f"{title}Short.\nResults\nFever.\nCough."


def test_a_parsed_paper_keeps_what_is_not_to_be_cut():
    text = s2orc.parsed(PARSED, "s/1", cut=[], pmc_only=False).text
    assert text == "Short.\nResults\nFever (Lee, 2001) .\nCough (1, 2)."


@pytest.mark.parametrize(
    ("record", "pmc_only", "reason"),
    [
        ({}, False, "no field 'body_text'"),
        ({"body_text": []}, False, "field 'body_text' is empty"),
        ({"body_text": [{"section": "A"}]}, False, "'body_text' is not a list of paragraphs"),
        ({"body_text": [paragraph("a", cite_spans=[{"start": 0, "end": 9}])]}, False,
         r"field 'body_text\.cite_spans' has 0 to 9; its text has 1"),
        ({"body_text": [paragraph("a", cite_spans=[{"begin": 0}])]}, False,
         r"'body_text\.cite_spans' is not a list of \{start, end\}"),
        (PARSED, True, r"no PubMed Central id in 'metadata\.pmc_id'"),
    ],
)  # fmt: skip
def test_a_malformed_parse_is_refused_by_its_field(record, pmc_only, reason):
    with pytest.raises(DataError, match=reason):
        s2orc.parsed(record, "s/1", cut=["cite_spans"], pmc_only=pmc_only)


def jats_record(body, *, ids="<article-id pub-id-type='pmc'>12</article-id>", abstract=""):
    meta = f"{ids}<title-group><article-title>Fever</article-title></title-group>{abstract}"
    return {
        "xml": f"<article><front><article-meta>{meta}</article-meta></front>{body}"
        "<back><ref-list><ref>Lee 2001</ref></ref-list></back></article>"
    }


BODY = """<body><sec><label>1</label><title>Results</title>
<p>Fever [<xref ref-type='bibr'>1</xref>,<xref ref-type='bibr'>2</xref>] is
   <italic>high</italic> (Figure <xref ref-type='fig'>1</xref>).<fig><p>Caption</p></fig> So say
   <xref ref-type='bibr'>Lee et al. (2005)</xref>; see <xref ref-type='sec'>Methods</xref>.</p>
<table-wrap><table><tr><td>1</td></tr></table></table-wrap>
<list><list-item><label>a</label><p>One</p></list-item></list>
<p>x<disp-formula>y=1</disp-formula> is</p></sec>
<sec><title>Supplement</title><supplementary-material>No</supplementary-material></sec></body>"""


def test_an_article_is_told_in_order_without_what_is_no_text():
    abstract = (
        "<abstract><p>Short.</p></abstract><abstract abstract-type='toc'><p>No</p></abstract>"
    )
    text = jats.article(jats_record(BODY, abstract=abstract), "j/1", pmc_only=True).text
    assert text.split("\n") == [
        "Fever",
        "Short.",
        "Results",
        "Fever is high. So say Lee et al.; see Methods.",
        "One",
        "x is",
    ]


@pytest.mark.parametrize("kind", ["pmc", "pmcid"])
def test_an_article_of_pubmed_central_says_so_in_two_ways(kind):
    record = jats_record(BODY, ids=f"<article-id pub-id-type='{kind}'>PMC12</article-id>")
    assert jats.article(record, "j/1", pmc_only=True).text.startswith("Fever\nResults")


@pytest.mark.parametrize(
    ("record", "reason"),
    [
        ({"xml": "<article>"}, "field 'xml' is not XML"),
        ({"xml": "<article><body/></article>"}, "the article has no 'front/article-meta'"),
        (jats_record(BODY, ids=""), "the article has no PubMed Central id among its 'article-id'"),
        (jats_record("<body/>"), "the article has neither 'abstract' nor 'body'"),
    ],
)
def test_an_article_that_cannot_be_used_is_refused(record, reason):
    with pytest.raises(DataError, match=reason):
        jats.article(record, "j/1", pmc_only=True)


def citation(title, abstract):
    article = f"<ArticleTitle>{title}</ArticleTitle>{abstract}"
    return {"xml": f"<MedlineCitation><PMID>7</PMID><Article>{article}</Article></MedlineCitation>"}


def test_a_citation_is_its_title_and_abstract_with_the_labels_of_its_parts():
    abstract = """<Abstract><AbstractText Label='AIM'>To <i>see</i> fever.</AbstractText>
    <AbstractText>It was seen.</AbstractText><AbstractText Label='X'/>
    <CopyrightInformation>No</CopyrightInformation></Abstract>"""
    made = medline.citation(citation("Fever.", abstract), "m/1")
    assert made.text == "Fever.\nAIM: To see fever.\nIt was seen."


@pytest.mark.parametrize(
    ("record", "missing"),
    [
        (citation("Fever.", ""), "Abstract"),
        (citation("Fever.", "<Abstract><AbstractText/></Abstract>"), "Abstract"),
        (citation("", "<Abstract><AbstractText>It.</AbstractText></Abstract>"), "ArticleTitle"),
    ],
)
def test_a_citation_without_abstract_or_title_is_refused(record, missing):
    with pytest.raises(DataError, match=f"the citation has no '{missing}'"):
        medline.citation(record, "m/1")
