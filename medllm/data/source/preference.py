"""Two replies to one prompt, the first judged better."""

from collections.abc import Mapping, Sequence
from itertools import combinations

from medllm.data.source import record as read
from medllm.data.source.dialogue import history as exchanges
from medllm.data.source.instruction import alternating, said
from medllm.data.source.record import Record
from medllm.errors import DataError
from medllm.types import Preference, Turn


def pair(
    record: Record,
    id: str,
    *,
    prompt: Sequence[str],
    chosen: str,
    rejected: str,
    system: str | None = None,
    history: str | None = None,
) -> Preference:
    """One user turn of the fields named in `prompt`, and the two replies.

    Args:
        record: the pair.
        id: of the record.
        prompt: fields, one per line.
        chosen: a field.
        rejected: a field.
        system: a field that may be empty.
        history: a field with what was said before, a list of [question, answer].

    Raises:
        DataError: if the replies are the same, so that there is nothing to prefer.
    """
    turns = _before(record, system, history)
    turns.append(Turn("user", read.joined(record, prompt)))
    replies = {name: read.text(record, name) for name in (chosen, rejected)}
    return _preference(id, turns, replies)


def sharegpt_pair(record: Record, id: str) -> Preference:
    """ShareGPT's `conversations` up to the user's last turn, and the two replies to it.

    `chosen` and `rejected` are text with MedicalGPT, {from, value} with LLaMA-Factory.

    Raises:
        DataError: turns that do not alternate, a reply of the user's, or replies that are the same.
    """
    turns = said(record, "conversations")
    alternating(id, [*turns, Turn("assistant", "")])
    return _preference(id, turns, {name: _reply(record, name) for name in ("chosen", "rejected")})


def ranked(
    record: Record,
    id: str,
    *,
    prompt: Sequence[str],
    replies: Sequence[str],
    history: str | None = None,
) -> list[Preference]:
    """Replies ranked by people: every one of them preferred to every one below it.

    Zhongjing's ranked replies (Yang et al. 2023; half of Qilin-Med's preferences) are not
    public. The shape assumed is what its labelling tool writes (its src/rlhf_label): a
    tab-separated table with id, query, history and rank1 to rank4, the best first.

    Args:
        record: the ranking.
        id: of the record.
        prompt: fields, one per line.
        replies: fields, the best first.
        history: as in `pair`.

    Raises:
        DataError: if two replies are the same.
    """
    turns = _before(record, None, history)
    turns.append(Turn("user", read.joined(record, prompt)))
    texts = {name: read.text(record, name) for name in replies}
    return [
        _preference(f"{id}/{number}", turns, {name: texts[name] for name in two})
        for number, two in enumerate(combinations(replies, 2), start=1)
    ]


def _before(record: Record, system: str | None, history: str | None) -> list[Turn]:
    """What stands before the prompt."""
    rules = read.or_empty(record, system) if system else ""
    turns = [Turn("system", rules)] if rules else []
    return turns + (exchanges(record, history) if history else [])


def _reply(record: Record, name: str) -> str:
    reply = record.get(name)
    if not isinstance(reply, Mapping):
        return read.text(record, name)
    (turn,) = said({name: [reply]}, name)
    if turn.role != "assistant":
        raise DataError(f"'{name}' is said by the {turn.role}, not the assistant")
    return turn.text


def _preference(id: str, prompt: Sequence[Turn], replies: Mapping[str, str]) -> Preference:
    """The first of two named replies preferred to the second."""
    (chosen, better), (rejected, worse) = replies.items()
    if better == worse:
        raise DataError(f"'{chosen}' and '{rejected}' are the same")
    return Preference(id, tuple(prompt), better, worse)
