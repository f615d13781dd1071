"""Questions about an abstract and about a case."""

import pytest

from medllm.data.source import exam, passage
from medllm.data.source.record import MissingField
from medllm.errors import DataError
from medllm.types import Conversation, Question, Turn

ABSTRACT = {
    "QUESTION": "Does it help?",
    "CONTEXTS": ["We gave it.", "It helped {most}."],
    "final_decision": "maybe",
    "LONG_ANSWER": "It may.",
    "LABELS": ["METHODS", "RESULTS"],
}
CASE = {
    "id": "0",
    "title": "案例分析-疝",
    "description": "男，49岁。",
    "QA_pairs": [
        {"question": "诊断？", "answer": "疝。"},
        {"question": "治疗？", "answer": "手术。"},
    ],
}


def test_pubmedqa_is_answered_by_yes_no_or_maybe():
    made = passage.pubmedqa(ABSTRACT, "p/1", text="{context}\n{question}")
    assert made == Question(
        "p/1",
        "We gave it.\nIt helped {most}.\nDoes it help?",
        {"A": "yes", "B": "no", "C": "maybe"},
        "C",
        "It may.",
    )


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"CONTEXTS": []}, "field 'CONTEXTS' is not a list of paragraphs"),
        ({"CONTEXTS": "We gave it."}, "field 'CONTEXTS' is not a list of paragraphs"),
        ({"final_decision": "perhaps"}, "final_decision 'perhaps' is not yes, no or maybe"),
        ({"LONG_ANSWER": None}, "field 'LONG_ANSWER' is empty"),
    ],
)
def test_pubmedqa_refuses_what_cannot_be_answered(change, reason):
    with pytest.raises(DataError, match=reason):
        passage.pubmedqa(ABSTRACT | change, "p/1", text="{question}")


def test_an_unlabelled_pubmedqa_record_misses_its_decision():
    record = {name: ABSTRACT[name] for name in ("QUESTION", "CONTEXTS", "LONG_ANSWER")}
    with pytest.raises(MissingField, match="no field 'final_decision'"):
        passage.pubmedqa(record, "p/1", text="{question}")


def test_a_case_gives_its_questions_and_hides_its_title():
    strata = {"title": "案例分析-疝"}
    assert passage.cmb_clin(CASE, "c/7") == [
        Question("c/7/1", "男，49岁。\n诊断？", reference="疝。", strata=strata),
        Question("c/7/2", "男，49岁。\n治疗？", reference="手术。", strata=strata),
    ]


@pytest.mark.parametrize(
    ("asked", "reason"),
    [
        ([], "field 'QA_pairs' is not a list of questions"),
        (None, "field 'QA_pairs' is not a list of questions"),
        (["诊断？"], "number 1 of 'QA_pairs' is no question"),
        ([*CASE["QA_pairs"], {"question": "?", "answer": " "}], "number 3 of 'QA_pairs' has no"),
    ],
)
def test_a_case_without_a_whole_question_is_refused(asked, reason):
    with pytest.raises(DataError, match=reason):
        passage.cmb_clin(CASE | {"QA_pairs": asked}, "c/7")


def test_a_case_without_questions_misses_them():
    with pytest.raises(MissingField, match="no field 'QA_pairs'"):
        passage.cmb_clin({"title": "t", "description": "d"}, "c/7")


def test_every_question_of_a_case_becomes_a_lesson():
    made = exam.conversation(
        CASE,
        "c/7",
        to_question=passage.cmb_clin,
        prompt="病例：\n{question}",
        reply="{reference}",
    )
    assert made == [
        Conversation(
            "c/7/1", (Turn("user", "病例：\n男，49岁。\n诊断？"), Turn("assistant", "疝。"))
        ),
        Conversation(
            "c/7/2", (Turn("user", "病例：\n男，49岁。\n治疗？"), Turn("assistant", "手术。"))
        ),
    ]
