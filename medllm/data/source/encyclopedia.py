"""MedQuAD: questions and answers from the health encyclopedias of the NIH, in XML.

Ben Abacha and Demner-Fushman 2019; github.com/abachaa/MedQuAD. Three of its collections have
been published without their answers.

    entry   a Document of all answers about one focus        element Document
    pair    one question and its answer, a Conversation      element QAPair
"""

import re

import lxml.etree as etree

from medllm.data.source import markup
from medllm.data.source.instruction import exchange
from medllm.data.source.record import Record
from medllm.errors import DataError
from medllm.types import Conversation, Document


def entry(record: Record, id: str) -> Document:
    """The focus as a title, if it is there, then each question that has an answer, and that.

    Raises:
        DataError: no answer at all.
    """
    root = markup.element(record)
    focus = _question(root.find("Focus"))
    pairs = [
        (_question(p.find("Question")), _answer(p.find("Answer"))) for p in root.iter("QAPair")
    ]
    answered = [f"{question}\n{answer}" for question, answer in pairs if question and answer]
    if not answered:
        raise DataError("the entry has no 'Answer'")
    return Document(id, "\n".join([focus, *answered] if focus else answered))


def pair(record: Record, id: str) -> Conversation:
    """One question and its answer.

    Raises:
        DataError: one of them is empty.
    """
    root = markup.element(record)
    question, answer = _question(root.find("Question")), _answer(root.find("Answer"))
    if not question or not answer:
        missing = "Answer" if question else "Question"
        raise DataError(f"the pair has no '{missing}'")
    return exchange(id, question, answer)


def _question(element: etree._Element | None) -> str:
    """Single-spaced, and with one question mark where the template left two: "X? ?"."""
    text = "" if element is None else "".join(map(str, element.itertext()))
    return re.sub(r"[\s?]*\?$", "?", " ".join(text.split()))


def _answer(element: etree._Element | None) -> str:
    """Single-spaced, a line for each of its paragraphs and of the items of its lists."""
    text = "" if element is None else "".join(map(str, element.itertext()))
    lines = re.split(r"\n|\s{2,}(?=- )", text)
    return "\n".join(line for each in lines if (line := " ".join(each.split())))
