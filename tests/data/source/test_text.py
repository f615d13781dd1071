"""Running text."""

import pytest

from medllm.data.source import text
from medllm.errors import DataError


def test_a_passage_that_is_there_twice_is_told_once():
    article = {"paragraphs": [{"context": c, "qas": []} for c in ("甲。", "乙。", "甲。")]}
    assert text.passages(article, "w/1").text == "甲。\n乙。"


@pytest.mark.parametrize(
    ("article", "reason"),
    [
        ({}, "no field 'paragraphs'"),
        ({"paragraphs": []}, "'paragraphs' is not a list of passages"),
        ({"paragraphs": ["甲。"]}, "'paragraphs' is not a list of passages"),
        ({"paragraphs": [{"qas": []}]}, "no field 'context'"),
    ],
)
def test_an_article_without_passages_is_refused(article, reason):
    with pytest.raises(DataError, match=reason):
        text.passages(article, "w/1")
