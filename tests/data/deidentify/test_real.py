"""Real files, in which there is little to find: what is removed was read by hand."""

import csv
from collections import Counter

import pytest

from medllm.data.deidentify.deidentifier import Deidentifier

pytestmark = pytest.mark.data
ZH = Deidentifier(languages=["zh"], style="tag", seed=0)


def removed(texts):
    return Counter(each.rule for some in ZH.find(texts) for each in some)


def rows(file, encoding):
    with open(file, encoding=encoding, newline="") as lines:
        return list(csv.DictReader(lines))


def test_exam_questions_lose_nothing_but_cases_and_dates(shared_data):
    """刘某 and others of cases of law; dates, most of them those of laws."""
    counts = Counter()
    for row in rows(shared_data / "exam/cmexam/train.csv", "utf-8-sig"):
        counts += removed(list(row.values()))
    assert counts == {"name_hidden": 35, "date": 29, "name_person": 2}


def test_herbs_and_diseases_of_old_books_stay(shared_data):
    """Removed are physicians of the past, such as 易水张先生."""
    counts = Counter()
    for file in sorted((shared_data / "text/zh/tcm_books").glob("*.txt")):
        counts += removed([file.read_text("gb18030", errors="replace")])
    assert counts == {"name_titled": 14, "name_again": 3}


def test_patients_questions_lose_their_dates_hospitals_and_names(shared_data):
    counts = Counter()
    for row in rows(shared_data / "dialogue/toyhom/内科.csv", "gb18030")[:1000]:
        counts += removed([row["title"], row["ask"], row["answer"]])
    assert counts == {"hospital": 7, "date": 2}
