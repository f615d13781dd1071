"""Elements of XML as lines."""

import pytest

from medllm.data.source import markup
from medllm.errors import DataError


def lines(xml):
    root = markup.element({"xml": xml})
    return markup.lines(root, blocks={"p", "title"}, left_out={"fig"}, cut={"xref"})


def test_a_block_is_a_line_and_space_in_it_is_single():
    assert lines("<s><title>A</title><p>one\n   <b>two</b>\tthree</p> <p> </p></s>") == [
        "A",
        "one two three",
    ]


def test_a_block_within_a_block_parts_it():
    assert lines("<p>before <p>inner</p> after</p>") == ["before", "inner", "after"]


def test_what_is_left_out_leaves_what_follows_it():
    assert lines("<p>one<fig><p>caption</p></fig> two [<xref>3</xref>].</p>") == ["one two."]


def test_names_are_free_of_namespaces_and_comments_are_no_text():
    assert lines('<p xmlns="a" xmlns:m="b">one <!-- no --><m:b>two</m:b></p>') == ["one two"]


def test_what_is_no_xml_is_refused():
    with pytest.raises(DataError, match="field 'xml' is not XML: "):
        markup.element({"xml": "<p>one"})
