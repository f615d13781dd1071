"""Dialogues of several turns that are published as lists, or with marks between the turns.

    cmtmedqa   earlier questions and answers, then the last
    listed     questions and answers in turn
    inlined    " <user>: … <bot>: …" in one field

Turns that name their speakers are read by `medllm.data.source.instruction.sharegpt`.
"""

import ast
import re
from collections.abc import Sequence
from typing import Any

from medllm.data.source import record as read
from medllm.data.source.instruction import alternating, exchange
from medllm.data.source.record import MissingField, Record
from medllm.errors import DataError
from medllm.types import Conversation, Turn

_INLINED = re.compile(r"<(user|bot)>:")


def cmtmedqa(record: Record, id: str) -> Conversation:
    """CMtMedQA (Yang et al. 2023): history, then instruction and output.

    Its records about safety have neither, but a question, `instruct`, and output.
    """
    if "instruct" in record:
        return exchange(id, read.text(record, "instruct"), read.text(record, "output"))
    last = exchange(id, read.text(record, "instruction"), read.text(record, "output"))
    return alternating(id, [*history(record, "history"), *last.turns])


def listed(record: Record, id: str, *, turns: str) -> Conversation:
    """The field `turns`: [question, answer, …] or [[question, answer], …].

    HuatuoGPT-II's training takes the first, its evaluation writes the second.
    """
    texts = _items(record, turns)
    if texts and not any(isinstance(text, list) for text in texts):
        texts = [texts[at : at + 2] for at in range(0, len(texts), 2)]
    return alternating(id, _exchanged(texts, turns))


def inlined(record: Record, id: str) -> Conversation:
    """BenTsao's literature dialogues: all turns but the last reply inlined in `instruction`.

    BenTsao learns the last reply only; here all of them are learnt.

    Raises:
        DataError: words before the first mark, or turns that do not alternate.
    """
    before, *marked = _INLINED.split(read.text(record, "instruction"))
    if before.strip() or not marked:
        raise DataError("field 'instruction' does not begin with '<user>:'")
    turns = [
        Turn("user" if mark == "user" else "assistant", _not_empty(text, "instruction"))
        for mark, text in zip(marked[::2], marked[1::2], strict=True)
    ]
    return alternating(id, [*turns, Turn("assistant", read.text(record, "output"))])


def history(record: Record, name: str) -> list[Turn]:
    """The field `name`, a list of [question, answer], or what Python prints of one."""
    return _exchanged(_items(record, name), name)


def _items(record: Record, name: str) -> list[Any]:
    if name not in record:
        raise MissingField(name)
    items = record[name]
    if isinstance(items, str):
        try:
            items = ast.literal_eval(items)
        except (ValueError, SyntaxError, MemoryError, RecursionError):  # as its manual lists
            raise DataError(f"field '{name}' is text, and not that of a list") from None
    if not isinstance(items, list):
        raise DataError(f"field '{name}' is a {type(items).__name__}, not a list")
    return items


def _exchanged(pairs: Sequence[Any], name: str) -> list[Turn]:
    turns: list[Turn] = []
    for number, pair in enumerate(pairs, start=1):
        if not isinstance(pair, list) or len(pair) != 2:
            raise DataError(f"number {number} of '{name}' is not a question and its answer")
        question, answer = (_not_empty(text, name) for text in pair)
        turns += [Turn("user", question), Turn("assistant", answer)]
    return turns


def _not_empty(text: Any, name: str) -> str:
    if not isinstance(text, str) or not text.strip():
        raise DataError(f"field '{name}' has an empty turn")
    return text.strip()
