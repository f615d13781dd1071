"""Long texts in passages."""

from hypothesis import given
from hypothesis import strategies as st

from medllm.data.source import segment
from medllm.types import Document


def test_passages_are_as_long_as_may_be_and_end_with_a_line():
    """Two lines of two are five characters with the break between; three would be eight."""
    made = segment.passages({"text": "ab\ncd\nef"}, "b/1", text="text", longest=7)
    assert made == [Document("b/1/1", "ab\ncd"), Document("b/1/2", "ef")]


def test_a_long_line_is_cut_between_sentences():
    assert passages("甲乙。丙丁。戊己。", 6) == ["甲乙。丙丁。", "戊己。"]
    assert passages("It is so. Or not. 2.5 mg", 18) == ["It is so. Or not.", "2.5 mg"]


def test_a_long_sentence_is_cut_where_it_must_be():
    assert passages("甲乙丙丁戊", 2) == ["甲乙", "丙丁", "戊"]


def test_empty_lines_make_no_passage():
    assert passages("\n\n甲\n\n\n乙\n", 2) == ["甲", "乙"]


@given(text=st.text(alphabet="ab甲。. \n", min_size=1), longest=st.integers(1, 12))
def test_nothing_is_lost_and_nothing_is_too_long(text, longest):
    if text.strip():
        made = passages(text, longest)
        assert "".join("".join(made).split()) == "".join(text.split())
        assert all(0 < len(each) <= longest for each in made)


def passages(text, longest):
    made = segment.passages({"text": text}, "b/1", text="text", longest=longest)
    return [each.text for each in made]
