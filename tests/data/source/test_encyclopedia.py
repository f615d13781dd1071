"""MedQuAD's entries and pairs."""

import pytest

from medllm.data.source import encyclopedia
from medllm.errors import DataError
from medllm.types import Turn

ANSWER = """Key Points
                    - One.    - Two  words.


                    A paragraph with
   a - dash."""


def pair(question, answer):
    return f"<QAPair pid='1'><Question>{question}</Question><Answer>{answer}</Answer></QAPair>"


def entry(*pairs, focus="Anal Cancer"):
    return {
        "xml": f"<Document><Focus>{focus}</Focus><QAPairs>{''.join(pairs)}</QAPairs></Document>"
    }


def test_a_pair_has_a_line_for_each_paragraph_and_item():
    made = encyclopedia.pair({"xml": pair("How to prevent\n it? ?", ANSWER)}, "e/1")
    assert made.turns == (
        Turn("user", "How to prevent it?"),
        Turn("assistant", "Key Points\n- One.\n- Two words.\nA paragraph with\na - dash."),
    )


def test_an_entry_tells_what_is_answered():
    made = encyclopedia.entry(entry(pair("What ?", "This."), pair("Why?", "")), "e/1")
    assert made.text == "Anal Cancer\nWhat?\nThis."


def test_an_entry_may_lack_its_focus():
    made = encyclopedia.entry(entry(pair("What ?", "This."), focus=""), "e/1")
    assert made.text == "What?\nThis."


@pytest.mark.parametrize(
    ("question", "answer", "missing"), [("?", "", "Answer"), ("", "This.", "Question")]
)
def test_a_pair_without_question_or_answer_is_refused(question, answer, missing):
    question = "What?" if missing == "Answer" else question
    with pytest.raises(DataError, match=f"the pair has no '{missing}'"):
        encyclopedia.pair({"xml": pair(question, answer)}, "e/1")


def test_an_entry_without_answers_is_refused():
    with pytest.raises(DataError, match="the entry has no 'Answer'"):
        encyclopedia.entry(entry(pair("What?", " ")), "e/1")
