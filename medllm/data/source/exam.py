"""Exam questions, for scoring and, put into words, for training."""

import re
from collections.abc import Callable, Mapping, Sequence
from string import ascii_uppercase

from medllm import prompt as words
from medllm.data.source import record as read
from medllm.data.source.instruction import exchange
from medllm.data.source.record import Record
from medllm.errors import DataError
from medllm.types import Conversation, Question

# "A xxx", as CMExam publishes it; its copies also write "A. xxx" and "A、xxx".
_OPTION = re.compile(r"([A-Z])\s*[.、．:：\s]\s*(\S.*)")


def cmexam(record: Record, id: str) -> Question:
    """CMExam's row (Liu et al. 2023): Question, Options, Answer, Explanation, annotations.

    Options stand one per line; some copies write the line break as backslash and n.
    """
    options: dict[str, str] = {}
    for line in re.split(r"\n|\\n", read.text(record, "Options")):
        match = _OPTION.fullmatch(line.strip())
        if not match:
            raise DataError(f"option '{line}' does not start with a letter")
        if match[1] in options:
            raise DataError(f"option {match[1]} is there twice")
        options[match[1]] = match[2]
    known = ("Question", "Options", "Answer", "Explanation")
    return Question(
        id=id,
        text=read.text(record, "Question"),
        options=options,
        answer=_letters(read.text(record, "Answer"), options),
        reference=_unless_nan(record, "Explanation"),
        strata={k: v for k in record if k not in known and (v := _unless_nan(record, k))},
    )


def columns(
    record: Record, id: str, *, question: str, options: Sequence[str], answer: str
) -> Question:
    """One column per option, as in C-Eval and CMMLU; they are lettered in the order named.

    An empty option is left out: many files hold a column E that few questions use.
    """
    shown = zip(ascii_uppercase, (read.or_empty(record, name) for name in options), strict=False)
    texts = {letter: text for letter, text in shown if text}
    letters = _letters(read.text(record, answer), texts)
    return Question(id=id, text=read.text(record, question), options=texts, answer=letters)


def open_question(record: Record, id: str, *, question: Sequence[str], answer: str) -> Question:
    """A question without options; `answer` names the field a person's reply stands in."""
    return Question(id=id, text=read.joined(record, question), reference=read.text(record, answer))


def conversation(
    record: Record, id: str, *, to_question: Callable[..., Question], prompt: str, reply: str
) -> Conversation:
    """An exam question as a lesson, in the very words the benchmark will use.

    Args:
        record: as `to_question` takes it.
        id: of the record.
        to_question: another function of this module.
        prompt: see `medllm.prompt.ask`.
        reply: see `medllm.prompt.answer`.
    """
    question = to_question(record, id)
    return exchange(id, words.ask(question, prompt=prompt), words.answer(question, reply=reply))


def _unless_nan(record: Record, name: str) -> str:
    """CMExam was written by pandas: "nan" is how its files spell an empty cell."""
    value = read.optional(record, name)
    return "" if value == "nan" else value


def _letters(answer: str, options: Mapping[str, str]) -> str:
    letters = "".join(sorted(set(answer) - set(" ,，、")))
    if len(options) < 2:
        raise DataError(f"there are {len(options)} options, and nothing to choose")
    if not letters or not set(letters) <= options.keys():
        raise DataError(f"answer '{answer}' is not among the options {''.join(options)}")
    return letters
