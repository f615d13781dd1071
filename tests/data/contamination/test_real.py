"""Real exams against real texts, each pair that was found looked at by eye (experiments README)."""

import random
from functools import partial

import pytest

from medllm.data.contamination.gate import Contamination
from medllm.data.source import exam
from medllm.data.source.read import Quarantine, Source
from medllm.data.source.text import document

pytestmark = pytest.mark.data
GATE = Contamination(benchmarks=[], characters=13, words=13, near=0.35, drop="any")


def read(files, format, to_example, encoding="utf-8"):
    source = Source(
        files=str(files),
        format=format,
        encoding=encoding,
        to_example=to_example,
        limit=None,
        has_patient_data=False,
    )
    return list(source.examples(Quarantine()))


def cmexam(folder, split):
    return read(folder / f"exam/cmexam/{split}.csv", "csv", exam.cmexam)


def medqa(folder, split):
    fields = {"question": "question", "options": "options", "answer": "answer_idx"}
    file = folder / f"exam/medqa_usmle/{split}.jsonl"
    return read(file, "jsonl", partial(exam.lettered, **fields, strata=[]))


def copy(question):
    options = "\n".join(f"{letter}. {text}" for letter, text in question.options.items())
    return f"{question.text}\n{options}\n答案：{question.answer}\n{question.reference}"


def matches(texts, questions):
    return GATE.matches(texts, {"exam": questions}, workers=1, memory=1 << 30)


def test_cmexams_train_holds_ten_questions_of_its_test(shared_data):
    """Cases told again with another question, one law twice, and questions asked twice."""
    found = matches(map(copy, cmexam(shared_data, "train")), cmexam(shared_data, "test"))
    assert len(found) == 11
    assert len({match.question for match in found}) == 10
    assert [match.kind for match in found].count("answer") == 7


def test_old_books_hold_no_question_of_cmexam(shared_data):
    whole = partial(document, text="text")
    books = read(shared_data / "text/zh/tcm_books/*.txt", "text", whole, "gb18030")
    assert len(books) == 11
    assert matches([book.text for book in books], cmexam(shared_data, "test")) == []


def test_medqas_train_tells_two_cases_of_its_test_again(shared_data):
    """By any shared run of 13 words it would be 103 pairs, all but these two stock phrases."""
    found = matches(map(copy, medqa(shared_data, "train")), medqa(shared_data, "test"))
    assert [match.excerpt[:26] for match in found] == [
        "A 52-year-old man comes to",
        "A one-week-old, full-term ",
    ]


def test_every_question_is_found_in_a_copy_of_itself(shared_data):
    questions = cmexam(shared_data, "val")
    found = {(m.example, m.question) for m in matches(map(copy, questions), questions)}
    assert {(n, question.id) for n, question in enumerate(questions)} <= found


def test_copies_with_5_percent_of_the_characters_edited_are_nearly_all_found(shared_data):
    random.seed(0)
    questions = cmexam(shared_data, "val")
    found = matches([edited(copy(q), 0.05) for q in questions], questions)
    own = sum(questions[m.example].id == m.question for m in found)
    assert own / len(questions) >= 0.97


def edited(text, rate):
    """Characters replaced, doubled by a stray one, or left out, a third each."""
    ways = (lambda c: "的", lambda c: f"{c}了", lambda c: "")
    return "".join(random.choice(ways)(c) if random.random() < rate else c for c in text)
