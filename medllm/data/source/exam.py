"""Exam questions, for scoring and, put into words, for training.

    cmexam, pharmacist    corpora of their own shape
    lettered              options with their letters: an object, a list, lines
    columns               one column per option
    open_question         no options
    conversation          any of them as a lesson

Questions about a passage are in `medllm.data.source.passage`.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from string import ascii_uppercase
from typing import Any

from medllm import prompt as words
from medllm.data.source import choice
from medllm.data.source import record as read
from medllm.data.source.instruction import exchange, for_each
from medllm.data.source.record import Record
from medllm.errors import DataError
from medllm.types import Conversation, Question

_NUMBER = re.compile(r"\A\d+[.、．]\s+")  # "27. " before a question; "2.5 mg" is none
_FIRST_OF_SEVERAL = 111  # a pharmacist paper has 120 questions; only the last ten may


def cmexam(record: Record, id: str) -> Question:
    """CMExam's row (Liu et al. 2023): Question, Options, Answer, Explanation, annotations.

    Options stand one per line; some copies write the line break as backslash and n.
    """
    options = choice.options(record, "Options")
    known = ("Question", "Options", "Answer", "Explanation")
    return Question(
        id=id,
        text=read.text(record, "Question"),
        options=options,
        answer=choice.letters(read.text(record, "Answer"), options),
        reference=_unless_nan(record, "Explanation"),
        strata={k: v for k in record if k not in known and (v := _unless_nan(record, k))},
    )


def pharmacist(record: Record, id: str) -> Question:
    """A numbered question of a paper of the Chinese pharmacist licensing exam.

    Where a scan has lost the border between questions, the last of them bears the answers
    of all; its number tells, since only the last ten of a paper may have several.

    Raises:
        DataError: several answers where there can be but one.
    """
    made = lettered(
        record, id, question="question", options="options", answer="answer", reference="analysis"
    )
    number = read.text(record, "number")
    if len(made.answer) > 1 and number.isdecimal() and int(number) < _FIRST_OF_SEVERAL:
        raise DataError(f"several answers before question 111 ({made.answer} of {number})")
    return made


def lettered(
    record: Record,
    id: str,
    *,
    question: str,
    options: str,
    answer: str,
    reference: str | None = None,
    strata: Sequence[str] = (),
) -> Question:
    """Options that bear their letters: {A: xxx}, ["A. xxx"], or "A xxx" one per line.

    A number before the question is left out, and so is an empty option of an object. All
    arguments name fields, `reference` and `strata` such as may be absent or empty.
    """
    shown = choice.options(record, options)
    return Question(
        id=id,
        text=_NUMBER.sub("", read.text(record, question)),
        options=shown,
        answer=choice.letters(read.text(record, answer), shown),
        reference=read.optional(record, reference) if reference else "",
        strata=_strata(record, strata),
    )


def columns(
    record: Record,
    id: str,
    *,
    question: str,
    options: Sequence[str],
    answer: str | None,
    reference: str | None = None,
    strata: Sequence[str] = (),
    first: int | None = None,
) -> Question:
    """One column per option, as in C-Eval and CMMLU; they are lettered in the order named.

    An empty option is left out: many files hold a column E that few questions use.

    Args:
        record: the row.
        id: of the record.
        question: a field.
        options: fields.
        answer: a field; None where the answers are withheld, as in C-Eval's test.
        reference: a field that may be absent or empty.
        strata: fields that may be absent or empty.
        first: the number of the first option, where the answer is a number: MedMCQA counts
            from 1 in its own files, from 0 on the Hub.
    """
    shown = zip(ascii_uppercase, (read.or_empty(record, name) for name in options), strict=False)
    texts = {letter: text for letter, text in shown if text}
    return Question(
        id=id,
        text=read.text(record, question),
        options=texts,
        answer="" if answer is None else _answer(record, answer, texts, options, first),
        reference=read.optional(record, reference) if reference else "",
        strata=_strata(record, strata),
    )


def open_question(record: Record, id: str, *, question: Sequence[str], answer: str) -> Question:
    """A question without options; `answer` names the field a person's reply stands in."""
    return Question(id=id, text=read.joined(record, question), reference=read.text(record, answer))


def conversation(
    record: Record,
    id: str,
    *,
    to_question: Callable[..., Any],
    prompt: str,
    reply: str,
    option: str = words.OPTION,
) -> Conversation | list[Conversation]:
    """An exam question as a lesson, in the very words the benchmark will use.

    Args:
        record: as `to_question` takes it.
        id: of the record.
        to_question: another function of this module, or of `medllm.data.source.passage`.
        prompt: see `medllm.prompt.ask`.
        reply: see `medllm.prompt.answer`.
        option: see `medllm.prompt.ask`.
    """

    def lesson(question: Question) -> Conversation:
        asked = words.ask(question, prompt=prompt, option=option)
        return exchange(question.id, asked, words.answer(question, reply=reply))

    return for_each(to_question(record, id), lesson)


def _answer(
    record: Record, name: str, texts: Mapping[str, str], options: Sequence[str], first: int | None
) -> str:
    given = read.text(record, name)
    if first is not None:
        given = choice.letter(given, first, len(options))
    return choice.letters(given, texts)


def _strata(record: Record, names: Sequence[str]) -> dict[str, str]:
    return {name: value for name in names if (value := read.optional(record, name))}


def _unless_nan(record: Record, name: str) -> str:
    """CMExam was written by pandas: "nan" is how its files spell an empty cell."""
    value = read.optional(record, name)
    return "" if value == "nan" else value
