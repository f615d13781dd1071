"""The words in which a question is put to a model, and those of the right reply.

    Question -> ask    -> what the user says
             -> answer -> what the assistant should say

Training conversations made from exams and the scorers of `medllm.eval` both come
here, so a model is examined in exactly the words it was taught in. Placeholders are
filled in one pass: braces inside a question are text, never a placeholder.
"""

import re
from collections.abc import Mapping

from medllm.errors import ConfigError, DataError
from medllm.types import Question

OPTION = "{letter}. {text}"
_PLACEHOLDER = re.compile(r"\{(\w+)\}")


def ask(question: Question, *, prompt: str, option: str = OPTION) -> str:
    """`prompt` with {question} and {options} filled in, one option per line.

    Raises:
        ConfigError: a placeholder that is not one of the two.
        DataError: the prompt shows options and the question has none.
    """
    lines = [fill(option, {"letter": k, "text": v}) for k, v in question.options.items()]
    values = {"question": question.text, "options": "\n".join(lines)}
    _refuse_gaps(prompt, values, question)
    return fill(prompt, values)


def answer(question: Question, *, reply: str) -> str:
    """`reply` with {question}, {letters}, {texts} and {reference} filled in.

    `texts` are those of the right options, joined by "；".

    Raises:
        ConfigError: a placeholder that is not one of the four.
        DataError: the reply shows a part which the question does not have.
    """
    values = {
        "question": question.text,
        "letters": question.answer,
        "texts": "；".join(question.options[letter] for letter in question.answer),
        "reference": question.reference,
    }
    _refuse_gaps(reply, values, question)
    return fill(reply, values)


def fill(template: str, values: Mapping[str, str]) -> str:
    """`template` with every {name} replaced by its value.

    Raises:
        ConfigError: a placeholder that `values` does not name.
    """
    for name in _PLACEHOLDER.findall(template):
        if name not in values:
            allowed = ", ".join(f"{{{known}}}" for known in values)
            raise ConfigError([f"'{{{name}}}' in {template!r} is not one of {allowed}"])
    return _PLACEHOLDER.sub(lambda match: values[match[1]], template)


def _refuse_gaps(template: str, values: Mapping[str, str], question: Question) -> None:
    for name in _PLACEHOLDER.findall(template):
        if values.get(name) == "":
            raise DataError(f"has no {name}, which {template!r} shows (question {question.id})")
