"""Exam questions of every shape; the records are made up, the shapes are those of the files."""

import pytest

from medllm.data.source import exam
from medllm.data.source.record import MissingField
from medllm.errors import DataError
from medllm.types import Conversation, Question, Turn


@pytest.mark.parametrize(
    "options",
    [
        {"A": "肺", "B": "肝", "C": "", "D": None},  # MedQA; the pharmacist exam of 2021
        ["A. 肺", "B.肝"],  # the pharmacist exam of 2022
        "A 肺\nB、肝",
    ],
)
def test_options_may_be_an_object_a_list_or_lines(options):
    record = {"question": "哪个？", "options": options, "answer_idx": "B"}
    assert lettered(record) == Question("m/1", "哪个？", {"A": "肺", "B": "肝"}, "B")


def test_a_number_before_the_question_is_left_out_and_a_dose_is_not():
    record = {"question": "27. 哪个？", "options": ["A. 肺", "B. 肝"], "answer_idx": "B"}
    assert lettered(record).text == "哪个？"
    assert lettered(record | {"question": "2.5 mg 的是？"}).text == "2.5 mg 的是？"


def test_explanation_and_annotations_are_kept_where_they_are():
    record = {"question": "哪个？", "options": ["A. 肺", "B. 肝"], "answer_idx": "B"}
    record |= {"analysis": "因为。", "meta_info": "step1", "topic": None}
    made = exam.lettered(
        record,
        "m/1",
        question="question",
        options="options",
        answer="answer_idx",
        reference="analysis",
        strata=["meta_info", "topic", "absent"],
    )
    assert (made.reference, made.strata) == ("因为。", {"meta_info": "step1"})


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ([], "field 'options' is empty"),
        ({}, "field 'options' is empty"),
        ({"A": "", "B": ""}, "there are 0 options, and nothing to choose"),
        (["A. 肺", "A. 肝"], "option A is there twice"),
        (["A."], "option 'A.' does not start with a letter"),  # it stands under a picture
        (["B. 肝", "C. 肾"], "answer 'A' is not among the options BC"),
        (7, "field 'options' is a int, not options"),
    ],
)
def test_options_that_leave_nothing_to_choose_are_refused(options, reason):
    with pytest.raises(DataError, match=reason):
        lettered({"question": "哪个？", "options": options, "answer_idx": "A"})


def test_a_question_without_options_is_missed():
    with pytest.raises(MissingField, match="no field 'options'"):
        lettered({"question": "哪个？", "answer_idx": "A"})


@pytest.mark.parametrize(("first", "cop"), [(1, 2), (0, 1)])
def test_an_answer_may_be_a_number_counted_from_one_or_nought(first, cop):
    made = medmcqa({"q": "?", "opa": "lung", "opb": "liver", "cop": cop}, first=first)
    assert (made.answer, made.options) == ("B", {"A": "lung", "B": "liver"})


@pytest.mark.parametrize("cop", [0, 3, -1, "B"])
def test_a_number_that_no_option_has_is_refused(cop):
    record = {"q": "?", "opa": "lung", "opb": "liver", "cop": cop}
    with pytest.raises(DataError, match=f"answer '{cop}' is not a number from 1 to 2"):
        medmcqa(record, first=1)


def test_a_question_whose_answer_is_withheld_can_be_asked():
    record = {"id": "0", "question": "哪个？", "A": "肺", "B": "肝"}
    made = exam.columns(record, "c/1", question="question", options=["A", "B"], answer=None)
    assert made == Question("c/1", "哪个？", {"A": "肺", "B": "肝"}, "")


def test_a_question_whose_answer_is_withheld_is_no_lesson():
    record = {"question": "哪个？", "A": "肺", "B": "肝"}

    def to_question(record, id):
        return exam.columns(record, id, question="question", options=["A", "B"], answer=None)

    with pytest.raises(DataError, match=r"has no letters, .*question c/1"):
        exam.conversation(
            record, "c/1", to_question=to_question, prompt="{question}", reply="{letters}"
        )


def test_several_answers_are_for_the_last_ten_of_a_pharmacist_paper():
    assert exam.pharmacist(pharmacist(number=111, answer="A, C"), "p/1").answer == "AC"
    with pytest.raises(DataError, match=r"several answers before question 111 \(AC of 110\)"):
        exam.pharmacist(pharmacist(number=110, answer="C,A"), "p/1")


def test_a_pharmacist_question_has_its_analysis():
    assert exam.pharmacist(pharmacist(number=1, answer="B"), "p/1") == Question(
        "p/1", "哪个？", {"A": "肺", "B": "肝", "C": "肾"}, "B", "因为。"
    )


def test_a_pharmacist_question_without_a_number_is_missed():
    record = pharmacist(number=1, answer="B")
    del record["number"]
    with pytest.raises(MissingField, match="no field 'number'"):
        exam.pharmacist(record, "p/1")


def test_a_lesson_shows_options_as_it_is_told():
    made = exam.conversation(
        pharmacist(number=1, answer="B"),
        "p/1",
        to_question=exam.pharmacist,
        prompt="问题: {question}, \n 选项: {options}",
        option="{letter} {text}",
        reply="答案: {letters} {texts}. \n 解释:{reference}",
    )
    asked = Turn("user", "问题: 哪个？, \n 选项: A 肺\nB 肝\nC 肾")
    assert made == Conversation("p/1", (asked, Turn("assistant", "答案: B 肝. \n 解释:因为。")))


def lettered(record):
    return exam.lettered(record, "m/1", question="question", options="options", answer="answer_idx")


def medmcqa(record, *, first):
    return exam.columns(
        record, "m/1", question="q", options=["opa", "opb"], answer="cop", first=first
    )


def pharmacist(*, number, answer):
    options = ["A. 肺", "B. 肝", "C. 肾"]
    shown = {"number": number, "question": "哪个？", "options": options}
    return shown | {"answer": answer, "analysis": "因为。", "type": "single"}
