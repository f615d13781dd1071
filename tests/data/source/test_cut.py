"""What is left where something was cut out; C stands for the cut."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from medllm.data.source.cut import CUT, mended


def after(text):
    return mended(text.replace("C", CUT))


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("a fever [C].", "a fever."),
        ("a fever [C,C] or [C–C], then", "a fever, then"),
        ("a fever (Figure C; see also Table C) is", "a fever is"),
        ("a fever (see C for details).", "a fever."),
        ("a fever (Smith 2000; C) is", "a fever (Smith 2000) is"),
        ("a fever (C; n = 3) is", "a fever (n = 3) is"),
        ("fevers.C More", "fevers. More"),
        ("fever C .", "fever."),
        ("As shown in Fig. C, fever is", "fever is"),
        ("fever, as shown in Table C, is", "fever, is"),
        ("fever, as shown in C.", "fever."),
        ("a method, C, freezing", "a method, freezing"),
        ("C shows a fever", "shows a fever"),
        ("如C所示，发热（见C）为主。", "发热为主。"),
        ("发热，见C。", "发热。"),
    ],
)
def test_what_hangs_in_the_air_goes_with_the_cut(text, left):
    assert after(text) == left


@given(st.text(alphabet="ab (),.;[]见图，。\n"))
def test_a_text_without_a_cut_stays_as_it_is(text):
    assert mended(text) == text


@given(st.lists(st.sampled_from(["fever", "cough", "(", ")", ",", ".", CUT]), max_size=12))
def test_no_cut_stays_and_no_word_goes(pieces):
    left = mended(" ".join(pieces))
    assert CUT not in left
    assert [left.count(word) for word in ("fever", "cough")] == [
        pieces.count(word) for word in ("fever", "cough")
    ]
