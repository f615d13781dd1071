"""Chapters in CNXML."""

import pytest

from medllm.data.source import cnxml
from medllm.errors import DataError

MODULE = """<document xmlns="http://cnx.rice.edu/cnxml"><title>Acids</title>
<metadata><title>No</title></metadata>
<content><para>An <term>acid</term> (<link target-id="f"/><emphasis>a</emphasis>) gives
H<sup>+</sup>; see this <link url="http://a.org">video</link>.</para>
<figure><caption>No</caption></figure>
<section><title>pH</title><list><item>One</item><item>Two</item></list>
<note><para>Excess.</para></note></section>
<section class="references"><title>References</title><para>Lee 2001</para></section>
<section class="multiple-choice"><title>Review</title></section></content>
<glossary><definition><term>acid</term>
<meaning>gives hydrogen</meaning></definition></glossary></document>"""


def test_a_chapter_is_its_title_text_and_glossary():
    assert cnxml.chapter({"xml": MODULE}, "c/1").text.split("\n") == [
        "Acids",
        "An acid gives H+; see this video.",
        "pH",
        "One",
        "Two",
        "Excess.",
        "acid: gives hydrogen",
    ]


def test_a_module_without_content_is_refused():
    with pytest.raises(DataError, match="the module has no 'content'"):
        cnxml.chapter({"xml": "<document><title>Acids</title></document>"}, "c/1")
