"""Books without the lines that are not their text, and what is removed from the real ones."""

import re
from collections import Counter

import pytest

from medllm.data.source import books, classics, mentions


def test_lines_that_name_authors_go():
    credits = ["Authors: A. Lee, B. Chen", "John Smith, MD, PhD, and Jane A. Doe, RN", "主编：张三"]
    assert books.author_lists("\n".join(["Title", *credits, "Text"])) == "Title\nText"


def test_names_below_a_heading_go_and_the_next_heading_stays():
    text = (
        "Contributing Authors\n\nAnn Lee, Aquarius Institute Bo Chen, Ohio State University\nText"
    )
    assert books.author_lists(text) == "Text"


def test_a_sentence_about_authors_stays():
    text = "Authors\n\nWe thank the people who wrote this.\nBy the end of it\n张三说"
    assert books.author_lists(text) == text


def test_a_table_of_contents_goes():
    text = "前\n目录\n第一章 绪论……1\n第二章 脉 . . . . 12\n\n第三章\t30\n正文共 12\n后"
    assert books.contents(text) == "前\n正文共 12\n后"


def test_two_lines_with_numbers_are_no_table_of_contents():
    text = "Contents\nwater ..... 3\nsalt ..... 4\nText"
    assert books.contents(text) == text


def test_references_go_up_to_the_first_paragraph_that_is_none():
    listed = "Smith J. Fever. Lancet 2001;3:4–9.\n\n[2] 张三. 发热. 2004.\nhttp://a.org/b\n"
    assert books.references(f"Text\nReferences\n\n{listed}\nIn 1928 Fleming saw it.") == (
        "Text\nIn 1928 Fleming saw it."
    )
    assert (
        books.references("前\n参考文献：\n1. 李四. 内科学. 人民卫生出版社, 2001.\n后") == "前\n后"
    )


def test_a_word_in_a_sentence_is_no_heading():
    text = "References to fever are many.\nSmith J. Fever. Lancet 2001;3:4–9."
    assert books.references(text) == text


BOOK = """<篇名>伤寒论
书名：伤寒论
作者：张仲景
年份：公元25-220年


<目录>卷一\\上
<篇名>辨太阳病
属性：\\x方一\\x 太阳病，
书名：在此非首。\\r图1\\p01-e2.bmp\\r
"""


def test_a_classic_loses_its_marks_and_keeps_its_titles():
    assert classics.marks(BOOK) == "伤寒论\n辨太阳病\n方一 太阳病，\n书名：在此非首。"


def test_lines_broken_at_the_width_of_the_page_run_on():
    """Three lines of 40, the width; the last of a paragraph and a numbered one begin anew."""
    full = "太" * 40
    assert classics.unwrapped(f"{full}\n{full}\n阳病。\n{full}\n2．病\n短") == (
        f"{full}{full}阳病。\n{full}\n2．病\n短"
    )


def test_short_lines_are_verses():
    assert classics.unwrapped("四君子汤\n中和义") == "四君子汤\n中和义"


def changed(function, texts):
    """The lines that `function` changes or takes out; what it gives must stand in the text."""
    lines = []
    for text in texts:
        left, rest = function(text), iter(text)
        assert all(character in rest for character in left), "a removal adds nothing"
        lines += (Counter(text.split("\n")) - Counter(left.split("\n"))).elements()
    return [line for line in lines if line.strip()]


@pytest.fixture(scope="module")
def modules(shared_data):
    files = sorted((shared_data / "text/en/openstax_anatomy/txt").glob("*.txt"))
    return [file.read_text(encoding="utf-8") for file in files]


@pytest.fixture(scope="module")
def classical(shared_data):
    files = sorted((shared_data / "text/zh/tcm_books").glob("*.txt"))
    return [file.read_text(encoding="gb18030") for file in files]


@pytest.mark.data
def test_of_openstax_only_lines_with_an_address_change(modules):
    """Eleven addresses; two stand on a line of their own, below "Available from:"."""
    lines = changed(mentions.urls, modules)
    assert sum("http" in line or "www." in line for line in lines) == 10
    assert [line[-16:] for line in lines if "http" not in line and "www." not in line] == [
        " Available from:"
    ] * 2


@pytest.mark.data
def test_of_openstax_six_lists_of_references_go(modules):
    lines = changed(books.references, modules)
    assert lines.count("References") == 6
    assert [line[:8] for line in lines if line != "References"] == [
        "Kolata, ", "http://w", "Stern, P", "http://s", "Ming GL,", "Emerson,", "American",
        "American", "Lucile P", "Mayo Cli", "Beck, J.", "Skin Can", "Centers ",
    ]  # fmt: skip


@pytest.mark.data
def test_of_openstax_three_lists_of_authors_go(modules):
    assert [line[:30] for line in changed(books.author_lists, modules)] == [
        "Senior Contributing Authors",
        "J. Gordon Betts, Tyler Junior ",
        "Advisor",
        "Robin J. Heyden",
        "Contributing Authors",
        "Kim Aaronson, Aquarius Institu",
    ]


@pytest.mark.data
def test_of_openstax_only_emptied_brackets_go(modules):
    """What is left of a changed line is the line without its empty brackets, space aside."""
    lines = changed(mentions.empty_brackets, modules)
    assert len(lines) == 192
    for line in lines:
        bare = re.sub(r"\((see|and|\s)*\)", "", line)
        assert mentions.empty_brackets(line).split() == re.sub(r" (?=[.,;:])", "", bare).split()


@pytest.mark.data
@pytest.mark.parametrize(
    "function",
    [
        mentions.numbered_citations,
        mentions.dated_citations,
        mentions.figure_mentions,
        books.contents,
    ],
)
def test_of_openstax_nothing_goes_that_is_not_there(modules, function):
    assert changed(function, modules) == []


@pytest.mark.data
def test_of_the_classics_only_marks_go(classical):
    """Places, facts of the book and pictures are lines of their own; titles and text stay."""
    marks = ("<目录>", "书名：", "作者：", "朝代：", "年份：", "\\r", "内容：\\r")
    for text in classical:
        bare = re.sub(r"<篇名>|^(?:内容|属性)：(?!\\r)|\\x", "", text, flags=re.MULTILINE)
        lines = [line.strip() for line in bare.split("\n")]
        gone = Counter(lines) - Counter(classics.marks(text).split("\n"))
        assert {line for line in gone if not line.startswith(marks)} - {""} <= ENDING_IN_PICTURE


ENDING_IN_PICTURE = {
    "膈膜以上仅止肺、心、左右气门，余无他物。其余皆膈膜以下物，人身膈膜是上下界物\\r图4\\p01-e2a5.bmp\\r"
}


@pytest.mark.data
def test_joining_the_lines_of_the_classics_loses_only_line_breaks(classical):
    for text in map(classics.marks, classical):
        joined = classics.unwrapped(text)
        assert joined.replace("\n", "") == text.replace("\n", "")
        assert 0.3 < joined.count("\n") / text.count("\n") < 0.8


@pytest.mark.data
def test_of_the_classics_only_the_author_goes_with_the_other_removals(classical):
    for function in (mentions.urls, mentions.numbered_citations, mentions.dated_citations,
                     mentions.figure_mentions, books.contents, books.references):  # fmt: skip
        assert changed(function, classical) == []
    lines = changed(books.author_lists, classical)
    assert len(lines) == 11
    assert all(line.startswith("作者：") for line in lines)
