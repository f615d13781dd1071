"""One record of every shape, and what becomes of it."""

from functools import partial

import pytest

from medllm.data.source import exam, graph, instruction, preference, text
from medllm.data.source.record import MissingField
from medllm.errors import DataError
from medllm.types import Conversation, Document, Preference, Question, Turn


def test_a_document_may_be_nested():
    record = {"content": {"text": " Fever. "}, "externalids": {}}
    assert text.document(record, "s/1", text="content.text") == Document("s/1", "Fever.")


def test_alpaca_puts_the_input_under_the_instruction():
    record = {"instruction": "Translate", "input": "发热", "output": "fever"}
    assert instruction.alpaca(record, "a/1") == talk("a/1", "Translate\n发热", "fever")


def test_toyhom_joins_title_and_ask():
    record = {"department": "内科", "title": "感冒", "ask": "怎么办？", "answer": "休息。"}
    made = instruction.question_answer(record, "t/1", question=["title", "ask"], answer="answer")
    assert made == talk("t/1", "感冒\n怎么办？", "休息。")


@pytest.mark.parametrize("questions", ["q", ["q"], [["q", "paraphrase"], ["other"]]])
def test_huatuo_takes_the_first_of_its_paraphrases(questions):
    record = {"questions": questions, "answers": ["a"]}
    made = instruction.question_answer(record, "h/1", question=["questions"], answer="answers")
    assert made == talk("h/1", "q", "a")


@pytest.mark.parametrize("roles", [("human", "gpt"), ("input", "output"), ("user", "assistant")])
def test_sharegpt_knows_three_ways_to_name_the_speakers(roles):
    said = [{"from": roles[0], "value": "q"}, {"from": roles[1], "value": "a"}]
    assert instruction.sharegpt({"conversations": said}, "c/1") == talk("c/1", "q", "a")


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        ([("gpt", "a")], "turns are assistant; user and assistant must alternate"),
        ([("human", "q")], "turns are user; "),
        ([("system", "s")], "turns are system; "),
        ([("doctor", "a")], "role 'doctor' is not one of system, human"),
        ([("human", "q"), ("gpt", "")], "field 'value' is empty"),
    ],
)
def test_sharegpt_refuses_what_is_no_dialogue(said, reason):
    record = {"conversations": [{"from": role, "value": value} for role, value in said]}
    with pytest.raises(DataError, match=reason):
        instruction.sharegpt(record, "c/1")


@pytest.mark.parametrize("line_break", ["\n", "\\n"])
def test_cmexam_reads_options_letters_and_annotations(line_break):
    record = cmexam_row(Options=f"A 肺{line_break}B 肝{line_break}C 肾", Answer="CA", Group="消化")
    assert exam.cmexam(record, "e/1") == Question(
        id="e/1",
        text="哪个？",
        options={"A": "肺", "B": "肝", "C": "肾"},
        answer="AC",
        reference="因为。",
        strata={"Group": "消化"},
    )


def test_cmexam_has_no_explanation_where_pandas_wrote_nan():
    assert exam.cmexam(cmexam_row(Explanation="nan"), "e/1").reference == ""


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"Options": ""}, "field 'Options' is empty"),
        ({"Options": None}, "field 'Options' is empty"),
        ({"Options": "nan"}, "option 'nan' does not start with a letter"),
        ({"Options": "A 肺\nA 肝"}, "option A is there twice"),
        ({"Options": "A 肺"}, "there are 1 options, and nothing to choose"),
        ({"Answer": "nan"}, "answer 'nan' is not among the options AB"),
        ({"Answer": "E"}, "answer 'E' is not among the options AB"),
        ({"Answer": ""}, "field 'Answer' is empty"),
    ],
)
def test_cmexam_refuses_a_question_that_cannot_be_scored(change, reason):
    with pytest.raises(DataError, match=reason):
        exam.cmexam(cmexam_row(**change), "e/1")


def test_columns_are_lettered_in_order_and_empty_ones_left_out():
    record = {"Question": "哪个？", "A": "肺", "B": "肝", "E": "", "Answer": "B"}
    made = exam.columns(
        record, "m/1", question="Question", options=["A", "B", "E"], answer="Answer"
    )
    assert made == Question("m/1", "哪个？", options={"A": "肺", "B": "肝"}, answer="B")


def test_a_misspelt_option_column_is_missed():
    with pytest.raises(MissingField, match="no field 'b'"):
        exam.columns({"Q": "?", "A": "肺"}, "m/1", question="Q", options=["A", "b"], answer="A")


def test_an_open_question_keeps_the_reply_of_a_person():
    record = {"instruction": ["q"], "input": "", "output": ["a"]}
    made = exam.open_question(record, "o/1", question=["instruction", "input"], answer="output")
    assert made == Question("o/1", "q", reference="a")


def test_an_exam_question_becomes_a_lesson():
    made = exam.conversation(
        cmexam_row(),
        "e/1",
        to_question=exam.cmexam,
        prompt="{question}\n{options}",
        reply="{letters} {texts}",
    )
    assert made == talk("e/1", "哪个？\nA. 肺\nB. 肝", "B 肝")


def test_a_pair_prefers_the_first():
    record = {"question": "q", "response_chosen": "good", "response_rejected": "bad"}
    assert PAIR(record, "p/1") == Preference("p/1", (Turn("user", "q"),), "good", "bad")


@pytest.mark.parametrize(
    ("rejected", "reason"),
    [("good", "'response_chosen' and 'response_rejected' are the same"), ("", "is empty")],
)
def test_a_pair_needs_two_different_replies(rejected, reason):
    record = {"question": "q", "response_chosen": "good", "response_rejected": rejected}
    with pytest.raises(DataError, match=reason):
        PAIR(record, "p/1")


def test_a_disease_is_told_field_by_field():
    record = {"name": "感冒", "symptom": ["发热", "咳嗽"], "cause": "病毒{name}", "check": []}
    made = graph.disease(record, "g/1", sentences=SENTENCES)
    assert made == Document("g/1", "感冒的症状有发热、咳嗽。\n感冒由病毒{name}引起。")


def test_a_disease_without_a_known_field_is_refused():
    with pytest.raises(DataError, match="'感冒' has none of symptom, cause, check"):
        graph.disease({"name": "感冒", "symptom": []}, "g/1", sentences=SENTENCES)


PAIR = partial(
    preference.pair, prompt=["question"], chosen="response_chosen", rejected="response_rejected"
)
SENTENCES = {
    "symptom": "{name}的症状有{value}。",
    "cause": "{name}由{value}引起。",
    "check": "{name}的检查有{value}。",
}


def talk(id, question, answer):
    return Conversation(id, (Turn("user", question), Turn("assistant", answer)))


def cmexam_row(**change):
    row = {"Question": "哪个？", "Options": "A 肺\nB 肝", "Answer": "B", "Explanation": "因为。"}
    return row | change
