import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from medllm.data.contamination.fold import fold, scripts


def characters(text):
    units = fold([text], "characters")
    return units.text(0, len(units.values))


def words(text):
    units = fold([text], "words")
    return [units.text(at, at + 1) for at in range(len(units.values))]


@pytest.mark.parametrize(
    ("text", "folded"),
    [
        ("患者，男，４５岁。", "患者男45岁"),
        ("血压 160／95 mmHg", "血压16095mmhg"),
        ("國藥與中醫", "国药与中医"),
        ("乙肝两对半：HBsAg（+）", "乙肝两对半hbsag"),
        ("50㎎，37℃", "50mg37c"),
        ("Ⅲ度房室传导阻滞", "iii度房室传导阻滞"),
        ("肺\u200b炎\ufeff", "肺炎"),
        ("", ""),
    ],
)
def test_characters_keep_letters_and_digits_in_one_spelling(text, folded):
    assert characters(text) == folded


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("A 45-year-old man’s", ["a", "45", "year", "old", "man", "s"]),
        ("Ménière’s, MENIERE", ["meniere", "s", "meniere"]),
        ("pneu\u00admonia", ["pneumonia"]),
        ("½ tablet", ["1", "2", "tablet"]),
        ("查CT示COPD，已3天", ["ct", "copd", "3"]),
        ("\ufb01brosis 5㎎", ["fibrosis", "5mg"]),
        ("…!", []),
    ],
)
def test_words_are_parted_by_all_else_and_by_chinese(text, expected):
    assert words(text) == expected


def test_texts_stay_apart_and_equal_units_have_equal_values():
    """Four texts: fever cough, cough, nothing, fever."""
    units = fold(["Fever, cough", "cough", "…", "FEVER"], "words")
    assert units.borders.tolist() == [0, 2, 3, 3, 4]
    fever, cough, again, last = units.values
    assert (fever, cough) == (last, again)
    assert fever != cough
    assert units.text(1, 3) == "cough cough"


@given(st.lists(st.text(st.characters(codec=None), max_size=20), max_size=5))
def test_the_folding_of_a_part_is_the_part_of_the_folding(texts):
    """Lone surrogates and unassigned code points among them."""
    together = fold(texts, "characters")
    apart = [fold([text], "characters") for text in texts]
    assert together.values.tolist() == [v for units in apart for v in units.values.tolist()]
    assert np.diff(together.borders).tolist() == [len(units.values) for units in apart]


def test_a_question_is_compared_by_what_it_is_mostly_written_in():
    """Chinese 6 to 2 words; 8 words to none; 2 to 5 words; neither."""
    texts = [
        "Call-Exner 小体见于卵巢",
        "Which of the following is true of asthma?",
        "The 五行 are five elements in",
        "1 + 1 = ?",
    ]
    assert scripts(texts) == ["characters", "words", "words", "words"]
