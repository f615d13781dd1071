"""Sentences without addresses, citations and mentions of figures."""

import pytest

from medllm.data.source import mentions


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("at https://a.org/b_(c)?d=1. Then", "at. Then"),
        ("a site (www.who.int) of", "a site of"),
        ("Lee. 2001. doi: 10.1/ab-c.", "Lee. 2001."),
        ("[cited 2012]. Available from: http://a.b/c;3/147.", "[cited 2012]."),
        ("网址：http://a.cn/b。后", "网址：。后"),
    ],
)
def test_addresses_go(text, left):
    assert mentions.urls(text) == left


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("fever [1], cough [2,5] and pain[3–7, 12].", "fever, cough and pain."),
        ("发热［１2］。", "发热［１2］。"),
        ("发热［12］。", "发热。"),
        ("95% CI [12, 35], F[1,12] = 8, x = [1, 2]", "95% CI [12, 35], F[1,12] = 8, x = [1, 2]"),
        ("[Internet] [a] [2001]", "[Internet] [a] [2001]"),
    ],
)
def test_numbers_in_brackets_go_unless_they_measure(text, left):
    assert mentions.numbered_citations(text) == left


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("as (Smith et al., 2004; Jones and Lee 2001a) say", "as say"),
        ("as (see van der Berg, Li, & Lee, 2004b, 2005).", "as."),
        ("发热（张三等，2004）。", "发热。"),
        ("(January 2004)", "(January 2004)"),
        ("Röntgen (1845–1923) of (in 2004)", "Röntgen (1845–1923) of (in 2004)"),
    ],
)
def test_names_with_a_year_in_brackets_go_but_no_date(text, left):
    assert mentions.dated_citations(text) == left


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("fever (see Table 2) and cough (Fig. 1A, B).", "fever and cough."),
        ("As shown in Figure 3.1, fever is (Figures 1–3, and Table S1) so.", "fever is so."),
        ("Figure 2.3 Fever. More\nTable 1: Drugs\n", "Fever. More\nDrugs\n"),
        ("如图1-2所示，心（见图3-1、图3-2）大，见表2。", "心大。"),
        (
            "a figure of 8; table 2 has; 代表3人；第2图",
            "a figure of 8; table 2 has; 代表3人；第2图",
        ),
    ],
)
def test_mentions_of_figures_go(text, left):
    assert mentions.figure_mentions(text) == left


def test_brackets_that_somebody_has_emptied_go():
    text = "bones (), teeth ( and ) and nails (see ) in f(x) [,]."
    assert mentions.empty_brackets(text) == "bones, teeth and nails in f(x)."
