"""Dialogues of several turns: who says what, and what is refused."""

import pytest

from medllm.data.source import dialogue
from medllm.data.source.record import MissingField
from medllm.errors import DataError


def test_cmtmedqa_puts_its_history_first():
    record = {"instruction": "q2", "input": "", "output": "a2", "history": [["q1", "a1"]]}
    made = dialogue.cmtmedqa(record, "c/1")
    assert said(made) == [("user", "q1"), ("assistant", "a1"), ("user", "q2"), ("assistant", "a2")]


def test_cmtmedqa_may_have_no_history_and_asks_of_safety_in_another_field():
    record = {"instruction": "q", "input": "", "output": "a", "history": []}
    asked = [("user", "q"), ("assistant", "a")]
    assert said(dialogue.cmtmedqa(record, "c/1")) == asked
    assert said(dialogue.cmtmedqa({"instruct": " q", "output": " a"}, "c/2")) == asked


@pytest.mark.parametrize(
    ("history", "reason"),
    [
        ([["q1"]], "number 1 of 'history' is not a question and its answer"),
        (["q1", "a1"], "number 1 of 'history' is not a question and its answer"),
        ([["q1", "a1"], ["q2", " "]], "field 'history' has an empty turn"),
        ([["q1", None]], "field 'history' has an empty turn"),
        ("of the patient", "field 'history' is text, and not that of a list"),
        (None, "field 'history' is a NoneType, not a list"),
    ],
)
def test_a_broken_history_is_refused(history, reason):
    record = {"instruction": "q", "output": "a", "history": history}
    with pytest.raises(DataError, match=reason):
        dialogue.cmtmedqa(record, "c/1")


def test_a_dialogue_without_its_history_misses_it():
    with pytest.raises(MissingField, match="no field 'history'"):
        dialogue.cmtmedqa({"instruction": "q", "output": "a"}, "c/1")


@pytest.mark.parametrize(
    "turns",
    [
        ["q1", "a1", "q2", "a2"],  # HuatuoGPT-II's training
        [["q1", "a1"], ["q2", "a2"]],
        "[['q1', 'a1'], ['q2', 'a2']]",  # its evaluation: printed by Python
    ],
)
def test_listed_turns_are_question_and_answer(turns):
    made = dialogue.listed({"turns": turns}, "h/1", turns="turns")
    assert said(made) == [("user", "q1"), ("assistant", "a1"), ("user", "q2"), ("assistant", "a2")]


@pytest.mark.parametrize(
    ("turns", "reason"),
    [
        ([], "turns are ; user and assistant must alternate"),
        (["q1", "a1", "q2"], "number 2 of 'turns' is not a question and its answer"),
        (["q1", ""], "field 'turns' has an empty turn"),
        ([["q1", "a1"], "q2"], "number 2 of 'turns' is not a question and its answer"),
        ("__import__('os')", "field 'turns' is text, and not that of a list"),
    ],
)
def test_listed_turns_without_an_answer_are_refused(turns, reason):
    with pytest.raises(DataError, match=reason):
        dialogue.listed({"turns": turns}, "h/1", turns="turns")


def test_inlined_turns_become_turns():
    record = {"instruction": " <user>: q1 <bot>: a1 <user>: q2", "output": "a2", "input": ""}
    made = dialogue.inlined(record, "b/1")
    assert said(made) == [("user", "q1"), ("assistant", "a1"), ("user", "q2"), ("assistant", "a2")]


@pytest.mark.parametrize(
    ("instruction", "reason"),
    [
        ("q1", "field 'instruction' does not begin with '<user>:'"),
        ("So: <user>: q1", "field 'instruction' does not begin with '<user>:'"),
        (" <bot>: a1 <user>: q1", "turns are assistant, user, assistant; user and assistant"),
        (" <user>: q1 <bot>: a1", "turns are user, assistant, assistant; user and assistant"),
        (" <user>: q1 <bot>: <user>: q2", "field 'instruction' has an empty turn"),
    ],
)
def test_inlined_turns_out_of_order_are_refused(instruction, reason):
    with pytest.raises(DataError, match=reason):
        dialogue.inlined({"instruction": instruction, "output": "a"}, "b/1")


def said(conversation):
    return [(turn.role, turn.text) for turn in conversation.turns]
