"""Dialogues written down as one text, and conversations made into one.

    spoken        "Doctor: …" and "Patient: …" in one field
    toyhom_text   a file of questions with their answers
    document      the other way round: any conversation as running text

All but the last make conversations.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from medllm.data.source import record as read
from medllm.data.source.instruction import Role, alternating, exchange, for_each
from medllm.data.source.record import Record
from medllm.errors import DataError
from medllm.prompt import fill
from medllm.types import Conversation, Document, Turn


def spoken(
    record: Record,
    id: str,
    *,
    dialogue: str,
    speakers: Mapping[str, Role],
    opening: str,
) -> Conversation:
    """A transcript with the speaker's name and a colon before every utterance.

    Utterances of one side that follow each other are one turn. What the user says last, with
    no reply to it, is left out: there is nothing to learn from it.

    Args:
        record: the transcript and what else there is.
        id: of the record.
        dialogue: a field.
        speakers: name, as a regular expression without groups, to the side it is on.
        opening: what the user says first, where the assistant begins.

    Raises:
        DataError: words before the first name, an utterance without words, or no reply.
    """
    turns: list[Turn] = []
    for role, text in _utterances(read.text(record, dialogue), dialogue, speakers):
        if not turns and role == "assistant":
            turns.append(Turn("user", opening))
        if turns and turns[-1].role == role:
            text = f"{turns.pop().text}\n{text}"
        turns.append(Turn(role, text))
    if turns[-1].role == "user":
        turns.pop()
    if not turns:
        raise DataError(f"nobody replies in field '{dialogue}'")
    return alternating(id, turns)


def toyhom_text(record: Record, id: str) -> list[Conversation]:
    """Chinese-medical-dialogue-data's text form: "title,ask", below it the answer, and a gap.

    Raises:
        DataError: a block of another form, with its number.
    """
    blocks = [block for block in re.split(r"\n{2,}", read.text(record, "text")) if block.strip()]
    return [_asked(block, id, number) for number, block in enumerate(blocks, start=1)]


def document(
    record: Record, id: str, *, to_example: Callable[..., Any], user: str, assistant: str
) -> Document | list[Document]:
    """What `to_example` makes, as running text: how Qilin-Med first reads its dialogues.

    Args:
        record: as `to_example` takes it.
        id: of the record.
        to_example: a function that makes conversations.
        user: a line of the user's, e.g. "问：{text}".
        assistant: a line of the assistant's.
    """
    lines = {"system": "{text}", "user": user, "assistant": assistant}

    def told(made: Conversation) -> Document:
        said = [fill(lines[turn.role], {"text": turn.text}) for turn in made.turns]
        return Document(made.id, "\n".join(said))

    return for_each(to_example(record, id), told)


def _utterances(text: str, name: str, speakers: Mapping[str, Role]) -> Iterator[tuple[Role, str]]:
    """Who speaks, and the words."""
    named = re.compile(rf"^\s*({'|'.join(speakers)})\s*[:：]", re.MULTILINE)
    before, *parts = named.split(text)
    if before.strip() or not parts:
        raise DataError(f"field '{name}' does not begin with one of {', '.join(speakers)}")
    for speaker, words in zip(parts[::2], parts[1::2], strict=True):
        if not words.strip():
            raise DataError(f"{speaker} says nothing in field '{name}'")
        known = next(known for known in speakers if re.fullmatch(known, speaker))
        yield speakers[known], words.strip()


def _asked(block: str, id: str, number: int) -> Conversation:
    asked, _, answer = block.strip().partition("\n")
    title, _, question = asked.partition(",")
    if not question.strip() or not answer.strip():
        raise DataError(f"block {number} is not 'title,ask' and an answer below it")
    return exchange(f"{id}/{number}", f"{title.strip()}\n{question.strip()}", answer.strip())
