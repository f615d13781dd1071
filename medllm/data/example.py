"""An example's texts, and what becomes of it when each of them is altered."""

from collections.abc import Callable, Sequence
from dataclasses import replace

from medllm.types import Conversation, Document, Example, Preference, Turn


def texts(example: Example) -> tuple[str, ...]:
    """All that it says, in order: of a preference the prompt, then chosen, then rejected."""
    match example:
        case Document():
            return (example.text,)
        case Conversation():
            return tuple(turn.text for turn in example.turns)
    return (*(turn.text for turn in example.prompt), example.chosen, example.rejected)


def text_of(example: Example) -> str:
    """All that it says, one turn per line."""
    return "\n".join(texts(example))


def saying(example: Example, said: Sequence[str]) -> Example:
    """`example` with `said` for its `texts`."""
    match example:
        case Document():
            return replace(example, text=said[0])
        case Conversation():
            return replace(example, turns=_turns(example.turns, said))
    return Preference(example.id, _turns(example.prompt, said[:-2]), said[-2], said[-1])


def altered(example: Example, alter: Callable[[str], str]) -> Example | None:
    """`example` with every text altered; None where one of them has nothing left."""
    said = [alter(text) for text in texts(example)]
    return saying(example, said) if all(text.strip() for text in said) else None


def _turns(turns: Sequence[Turn], said: Sequence[str]) -> tuple[Turn, ...]:
    return tuple(Turn(turn.role, text) for turn, text in zip(turns, said, strict=True))
