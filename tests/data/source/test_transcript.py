"""Dialogues out of text, and into text."""

from functools import partial

import pytest

from medllm.data.source import dialogue, instruction, transcript
from medllm.errors import DataError
from medllm.types import Conversation, Document, Turn

VISIT = partial(
    transcript.spoken,
    dialogue="dialogue",
    speakers={"Doctor": "assistant", "Patient": "user", r"Guest_\w+": "user"},
    opening="Hello.",
)


def test_the_doctor_is_the_assistant_and_all_others_are_the_user():
    text = (
        "Doctor: How are you? \r\nPatient: Ill.\r\nGuest_family_1: Very.\r\n"
        "Doctor: Since when?\r\nDoctor: And why?\r\nGuest_family: Monday.\r\nDoctor: Rest."
    )
    assert said(VISIT({"dialogue": text}, "m/1")) == [
        ("user", "Hello."),
        ("assistant", "How are you?"),
        ("user", "Ill.\nVery."),
        ("assistant", "Since when?\nAnd why?"),
        ("user", "Monday."),
        ("assistant", "Rest."),
    ]


def test_a_user_who_begins_needs_no_opening_and_the_last_unanswered_words_go():
    text = "Patient: Note: it hurts.\nStill.\nDoctor: Rest.\nPatient: Thanks."
    assert said(VISIT({"dialogue": text}, "m/1")) == [
        ("user", "Note: it hurts.\nStill."),
        ("assistant", "Rest."),
    ]


def test_chinese_speakers_have_a_wide_colon_and_their_words_below():
    made = transcript.spoken(
        {"text": "病人：\n头痛\n医生：\n休息。"},
        "h/1",
        dialogue="text",
        speakers={"医生": "assistant", "病人": "user"},
        opening="您好",
    )
    assert said(made) == [("user", "头痛"), ("assistant", "休息。")]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("How are you?", r"field 'dialogue' does not begin with one of Doctor, Patient, Guest_"),
        ("Nurse: Hi.\nDoctor: Hi.", "field 'dialogue' does not begin with one of Doctor"),
        ("Doctor: \nPatient: Ill.", "Doctor says nothing in field 'dialogue'"),
        ("Patient: Ill.\nPatient: Very.", "nobody replies in field 'dialogue'"),
        ("", "field 'dialogue' is empty"),
    ],
)
def test_a_transcript_without_speakers_or_replies_is_refused(text, reason):
    with pytest.raises(DataError, match=reason):
        VISIT({"dialogue": text}, "m/1")


def test_toyhoms_text_gives_the_examples_of_its_table():
    """As `question_answer` makes of title, ask and answer; a comma in the question stays."""
    record = {
        "name": "内科",
        "text": "感冒,怎么办,急？\n休息。\n多喝水。\n\n\n头痛,怎么办？\n就医。\n\n\n",
    }
    assert transcript.toyhom_text(record, "t/1") == [
        talk("t/1/1", "感冒\n怎么办,急？", "休息。\n多喝水。"),
        talk("t/1/2", "头痛\n怎么办？", "就医。"),
    ]


@pytest.mark.parametrize("block", ["感冒,怎么办？", "感冒\n休息。", ",\n休息。", "感冒, \n休息。"])
def test_a_block_without_question_or_answer_is_named(block):
    record = {"text": f"头痛,怎么办？\n就医。\n\n\n{block}\n\n\n"}
    with pytest.raises(DataError, match="block 2 is not 'title,ask' and an answer below it"):
        transcript.toyhom_text(record, "t/1")


def test_a_question_and_its_answer_become_running_text():
    made = transcript.document(
        {"instruction": ["头痛{text}？"], "output": ["休息。"]},
        "h/1",
        to_example=partial(instruction.question_answer, question=["instruction"], answer="output"),
        user="问：{text}",
        assistant="答：{text}",
    )
    assert made == Document("h/1", "问：头痛{text}？\n答：休息。")


def test_a_dialogue_becomes_running_text_turn_by_turn():
    record = {"instruction": "q2", "output": "a2", "history": [["q1", "a1"]]}
    made = transcript.document(
        record, "c/1", to_example=dialogue.cmtmedqa, user="问：{text}", assistant="答：{text}"
    )
    assert made == Document("c/1", "问：q1\n答：a1\n问：q2\n答：a2")


def test_every_conversation_of_a_record_becomes_running_text():
    record = {"text": "感冒,怎么办？\n休息。\n\n\n头痛,怎么办？\n就医。\n\n\n"}
    made = transcript.document(
        record, "t/1", to_example=transcript.toyhom_text, user="{text}", assistant="{text}"
    )
    assert made == [
        Document("t/1/1", "感冒\n怎么办？\n休息。"),
        Document("t/1/2", "头痛\n怎么办？\n就医。"),
    ]


def said(conversation):
    return [(turn.role, turn.text) for turn in conversation.turns]


def talk(id, question, answer):
    return Conversation(id, (Turn("user", question), Turn("assistant", answer)))
