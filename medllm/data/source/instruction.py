"""Instructions, questions and dialogues, as Conversations."""

from collections.abc import Sequence
from typing import Literal

from medllm.data.source import record as read
from medllm.data.source.record import MissingField, Record
from medllm.errors import DataError
from medllm.types import Conversation, Turn

Role = Literal["system", "user", "assistant"]
# input and output are Qilin-Med's names for the two (its scripts/supervised_finetuning.py).
ROLES: dict[str, Role] = {
    "system": "system",
    "human": "user",
    "user": "user",
    "input": "user",
    "gpt": "assistant",
    "assistant": "assistant",
    "output": "assistant",
}


def alpaca(record: Record, id: str) -> Conversation:
    """Stanford Alpaca's instruction, input (often empty) and output."""
    question = read.text(record, "instruction")
    if context := read.optional(record, "input"):
        question += f"\n{context}"
    return exchange(id, question, read.text(record, "output"))


def question_answer(
    record: Record, id: str, *, question: Sequence[str], answer: str
) -> Conversation:
    """The fields named in `question`, one per line, and the field named `answer`."""
    return exchange(id, read.joined(record, question), read.text(record, answer))


def sharegpt(record: Record, id: str) -> Conversation:
    """ShareGPT's list `conversations` of {from, value}: a system turn or none, then in turns.

    Raises:
        DataError: an unknown role, or turns that do not alternate from user to assistant.
    """
    if "conversations" not in record:
        raise MissingField("conversations")
    said = record["conversations"]
    if not isinstance(said, list) or not all(isinstance(turn, dict) for turn in said):
        raise DataError("'conversations' is not a list of turns")
    turns = tuple(_turn(turn) for turn in said)
    roles = [turn.role for turn in turns]
    dialogue = roles[1:] if roles[:1] == ["system"] else roles
    exchanges = len(dialogue) // 2
    if not dialogue or dialogue != ["user", "assistant"] * exchanges:
        raise DataError(f"turns are {', '.join(roles)}; user and assistant must alternate")
    return Conversation(id, turns)


def exchange(id: str, question: str, answer: str) -> Conversation:
    """One question and its answer."""
    return Conversation(id, (Turn("user", question), Turn("assistant", answer)))


def _turn(turn: Record) -> Turn:
    role = read.text(turn, "from")
    if role not in ROLES:
        raise DataError(f"role '{role}' is not one of {', '.join(ROLES)}")
    return Turn(ROLES[role], read.text(turn, "value"))
