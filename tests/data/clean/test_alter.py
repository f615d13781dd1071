import pytest
from hypothesis import given
from hypothesis import strategies as st

from medllm.data.clean import alter
from medllm.errors import ConfigError

CHINESE = (
    "他说：“体温３８.５℃，血压１２０／８０ｍｍＨｇ（正常）”；‘无’过敏史…… 0.5×10³/L，P<0.05 & α=1"
)


def test_right_chinese_is_not_repaired():
    """Full-width figures, letters, brackets and quotes of every kind stay."""
    assert alter.repair(CHINESE) == CHINESE


@pytest.mark.parametrize(
    ("broken", "mended"),
    [
        ("donâ€™t worry", "don’t worry"),
        ("naÃ¯ve", "naïve"),
        ("ﬁbrosis", "fibrosis"),
        ("a\x00b\x07c", "abc"),
        ("体温\ud83d\ude00", "体温😀"),
    ],
)
def test_wrong_encodings_are_repaired(broken, mended):
    assert alter.repair(broken) == mended


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("<p>一</p><p>二<br/>三</p>", "\n一\n\n二\n三\n"),
        ("a<b>c</b><a href='x' id=y>d</a>", "acd"),
        ("x<!-- no -->y<script type='a'>var z = '<p>';</script>z", "xyz"),
        ("5 &lt; 6 &amp;amp; 7&nbsp;mg &#8805; &#x2264; &c", "5 < 6 &amp; 7\xa0mg ≥ ≤ &c"),
        ("P<0.05，a <b and c> d，<篇名>伤寒论", "P<0.05，a <b and c> d，<篇名>伤寒论"),
        ("血压<140，心率>100", "血压<140，心率>100"),
    ],
)
def test_html_goes_and_the_rest_stays(text, plain):
    assert alter.without_markup(text, keep_code=False) == plain


def test_code_keeps_its_markup_where_asked():
    text = "用`<br>`换行<br>：\n```\n<p>a  b</p>\n```"
    assert alter.without_markup(text, keep_code=True) == text.replace("换行<br>", "换行\n")
    page = "<html><p>x</p></html>"
    assert alter.without_markup(page, keep_code=True) == page
    assert alter.without_markup(page, keep_code=False) == "\n\nx\n\n"


def test_white_space_becomes_uniform():
    text = "\ufeff\u3000\u3000第一 \t 段\r\n二\xa0\xa0段\u2028\n\n\n\nx\u200by  "
    assert alter.tidy(text, keep_code=False) == "第一 段\n二 段\n\nxy"


def test_programs_keep_their_indentation_where_asked():
    text = "see:\n    if  x:\n\t return `a  b`  \n"
    assert alter.tidy(text, keep_code=True) == "see:\n    if x:\n\t return `a  b`"
    assert alter.tidy(text, keep_code=False) == "see:\nif x:\nreturn `a b`"


@given(st.text())
def test_tidying_twice_changes_nothing_more(text):
    for keep_code in (True, False):
        once = alter.tidy(text, keep_code=keep_code)
        assert alter.tidy(once, keep_code=keep_code) == once


def test_a_boilerplate_line_goes_unless_it_is_prose():
    """The last line has 15 characters, one more than is looked at."""
    text = "感冒是病。\n版权所有 某网\n\n  版权所有 \n本书版权所有，这里谈的是法律。"
    left = alter.without_lines(text, patterns=["版权所有", "^广告$"], up_to=14)
    assert left == "感冒是病。\n\n本书版权所有，这里谈的是法律。"


def test_a_boilerplate_phrase_goes_wherever_it_stands():
    text = "多饮水[详细]，休息。[全文]"
    assert alter.without_phrases(text, patterns=[r"\[(详细|全文)\]"]) == "多饮水，休息。"


def test_without_patterns_nothing_goes():
    assert alter.without_phrases("a\n\nb", patterns=[]) == "a\n\nb"
    assert alter.without_lines("a\n\nb", patterns=[], up_to=9) == "a\n\nb"


def test_a_broken_pattern_is_named():
    with pytest.raises(ConfigError, match=r"'\(a' is not a regular expression: .*change `patt"):
        alter.without_phrases("a", patterns=["(a"])


def test_long_lines_are_thinned_and_short_ones_are_not():
    """`head line` may stand twice, and never twice in a row; `}` as often as it likes."""
    text = "head line\n}\nhead line\nhead line\n}\n}\nhead line\n\n\nend of text"
    left = alter.without_repeated_lines(text, at_most=2, longer_than=3)
    assert left == "head line\n}\nhead line\n}\n}\n\n\nend of text"


def test_chinese_is_converted_both_ways():
    assert alter.simplify("頭髮與發熱，乾燥") == "头发与发热，干燥"
    assert alter.traditionalise("头发与发热") == "頭髮與發熱"
