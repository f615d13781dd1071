"""Instructions, questions and chats, as Conversations.

    alpaca, question_answer, context_target    one question, one answer
    sharegpt                                   turns that name their speakers
    instructed                                 any of these, told what to do first

Dialogues in other forms are read by `medllm.data.source.dialogue` and `.transcript`.
"""

import re
import zlib
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, Literal

from medllm.data.source import record as read
from medllm.data.source.record import MissingField, Record
from medllm.errors import ConfigError, DataError
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


def alpaca(record: Record, id: str, *, join: str = "\n") -> Conversation:
    """Stanford Alpaca's instruction, input (often empty) and output; `join` parts the first two.

    PMC-LLaMA's MedC-I is published so too, with `source` and `sample_id` besides.
    """
    question = read.text(record, "instruction")
    if context := read.optional(record, "input"):
        question += f"{join}{context}"
    return exchange(id, question, read.text(record, "output"))


def question_answer(
    record: Record, id: str, *, question: Sequence[str], answer: str
) -> Conversation:
    """The fields named in `question`, one per line, and the field named `answer`."""
    return exchange(id, read.joined(record, question), read.text(record, answer))


def context_target(record: Record, id: str) -> Conversation:
    r"""Med-ChatGLM's context and target, without the labels around the question.

    Raises:
        DataError: a context that is not "问题：…\n回答: ".
    """
    context = read.text(record, "context")
    labelled = re.fullmatch(r"问题：(.+)\n回答:", context, re.DOTALL)
    if not labelled:
        raise DataError(f"context '{context[:40]}' is not '问题：…' and '回答:' below it")
    return exchange(id, labelled[1].strip(), read.text(record, "target"))


def sharegpt(
    record: Record,
    id: str,
    *,
    turns: str = "conversations",
    role: str = "from",
    text: str = "value",
) -> Conversation:
    """A list of turns: from the system or not, then from user and assistant in turn.

    The names are ShareGPT's; those of OpenAI are messages, role and content.

    Raises:
        DataError: an unknown role, or turns that do not alternate from user to assistant.
    """
    return alternating(id, said(record, turns, role=role, text=text))


def instructed(
    record: Record,
    id: str,
    *,
    to_example: Callable[..., Any],
    instructions: Sequence[str],
    join: str,
) -> Conversation | list[Conversation]:
    """What `to_example` makes, with an instruction before what the user says first.

    PMC-LLaMA draws one of many paraphrases for every example. So do we, by the example's id:
    the same one on every machine and in every run.

    Args:
        record: as `to_example` takes it.
        id: of the record.
        to_example: a function that makes conversations.
        instructions: paraphrases.
        join: between the instruction and the user's words.
    """
    if not instructions:
        raise ConfigError(["instructions is empty; give one or more"])

    def told(made: Conversation) -> Conversation:
        chosen = instructions[zlib.crc32(made.id.encode()) % len(instructions)]
        first = next(n for n, turn in enumerate(made.turns) if turn.role == "user")
        turn = Turn("user", f"{chosen}{join}{made.turns[first].text}")
        return replace(made, turns=(*made.turns[:first], turn, *made.turns[first + 1 :]))

    return for_each(to_example(record, id), told)


def exchange(id: str, question: str, answer: str) -> Conversation:
    """One question and its answer."""
    return Conversation(id, (Turn("user", question), Turn("assistant", answer)))


def alternating(id: str, turns: Sequence[Turn]) -> Conversation:
    """Turns that a chat template takes.

    Raises:
        DataError: if, after a system turn or none, they do not alternate from user to assistant.
    """
    roles = [turn.role for turn in turns]
    dialogue = roles[1:] if roles[:1] == ["system"] else roles
    if not dialogue or dialogue != ["user", "assistant"] * (len(dialogue) // 2):
        raise DataError(f"turns are {', '.join(roles)}; user and assistant must alternate")
    return Conversation(id, tuple(turns))


def said(record: Record, name: str, *, role: str = "from", text: str = "value") -> list[Turn]:
    """The field `name`, a list of turns.

    Raises:
        MissingField: if there is no such field.
        DataError: if it is something else, or a turn has an unknown role or no words.
    """
    if name not in record:
        raise MissingField(name)
    turns = record[name]
    if not isinstance(turns, list) or not all(isinstance(turn, dict) for turn in turns):
        raise DataError(f"'{name}' is not a list of turns")
    return [Turn(_role(turn, role), read.text(turn, text)) for turn in turns]


def for_each(made: Any, change: Callable[[Any], Any]) -> Any:
    """`change` of what was made of a record, be it one thing or a list of them."""
    return [change(one) for one in made] if isinstance(made, list) else change(made)


def _role(turn: Record, name: str) -> Role:
    role = read.text(turn, name)
    if role not in ROLES:
        raise DataError(f"role '{role}' is not one of {', '.join(ROLES)}")
    return ROLES[role]
