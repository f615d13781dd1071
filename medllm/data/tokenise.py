"""Examples into Tokens: what the model reads and what it should say next.

    Document      begin text end                    every token is learnt
    Conversation  chat template, {% generation %}   the assistant's tokens are learnt
    Preference    two conversations                 only the last reply is learnt

The border of the loss comes from the template's generation marks and the tokenizer's own
character offsets. Text is never searched for it, and text can never forge it: an example
that spells out a control token is refused, or read as plain text in a document.
"""

import re
import struct
from collections.abc import Iterator, Sequence
from typing import cast

import numpy as np
from transformers import BatchEncoding, PreTrainedTokenizerBase, PreTrainedTokenizerFast

from medllm.errors import ConfigError, DataError
from medllm.types import IGNORE, Conversation, Document, Example, Preference, Tokens, Turn

_GENERATION = re.compile(r"\{%-?\s*generation\s*-?%\}")


def tokenise(example: Document | Conversation, tokenizer: PreTrainedTokenizerBase) -> Tokens:
    """One example, its targets shifted by one.

    Raises:
        ConfigError: the tokenizer has no end token, or its template no generation marks.
        DataError: nothing is learnt, or a turn spells out a control token.
    """
    (tokens,) = _or_raise(tokenise_all([example], tokenizer)[0])
    return tokens


def tokenise_pair(
    preference: Preference, tokenizer: PreTrainedTokenizerBase
) -> tuple[Tokens, Tokens]:
    """The chosen and the rejected conversation; earlier replies in the prompt are not learnt.

    Raises:
        ConfigError: as `tokenise`.
        DataError: as `tokenise`.
    """
    chosen, rejected = _or_raise(tokenise_all([preference], tokenizer)[0])
    return chosen, rejected


def tokenise_all(
    examples: Sequence[Example], tokenizer: PreTrainedTokenizerBase
) -> list[tuple[Tokens, ...] | DataError]:
    """Of each example its Tokens, of a pair chosen and rejected, or why there are none.

    All at once, which the tokenizer spreads over its threads.

    Raises:
        ConfigError: as `tokenise`.
    """
    if all(isinstance(example, Document) for example in examples):
        return [(tokens,) for tokens in _documents(cast(Sequence[Document], examples), tokenizer)]
    chats = [_chats(example) for example in examples]
    flat = [
        (example.id, turns) for example, each in zip(examples, chats, strict=True) for turns in each
    ]
    done = iter(_encoded(flat, tokenizer))
    return [
        _made(example, [next(done) for _ in each])
        for example, each in zip(examples, chats, strict=True)
    ]


def check_template(tokenizer: PreTrainedTokenizerBase) -> None:
    """That a conversation can be learnt, down to its end.

    Raises:
        ConfigError: no end token, no generation marks, or an end of turn outside of them, so
            that the model would never learn to stop.
    """
    _check_end(tokenizer)
    (probe,) = _encoded([("probe", (Turn("user", "a"), Turn("assistant", "b")))], tokenizer)
    if isinstance(probe, DataError):
        raise probe
    _, learnt = probe
    if sum(learnt) <= len(tokenizer("b", add_special_tokens=False)["input_ids"]):
        raise ConfigError(
            [
                "the chat template learns the reply but not the end of the turn; "
                "put the end token inside {% generation %}; change model.template"
            ]
        )


def _documents(
    documents: Sequence[Document], tokenizer: PreTrainedTokenizerBase
) -> Iterator[Tokens]:
    _check_end(tokenizer)
    core = cast(PreTrainedTokenizerFast, tokenizer).backend_tokenizer
    core.no_truncation()
    core.no_padding()
    # "</s>" on a web page is five characters, not the end of the text.
    core.encode_special_tokens = True
    begin = [] if tokenizer.bos_token_id is None else [tokenizer.bos_token_id]
    # Without offsets, which cost a tenth and nobody reads.
    texts = [document.text for document in documents]
    for encoding in core.encode_batch_fast(texts, add_special_tokens=False):
        read = [*begin, *encoding.ids, tokenizer.eos_token_id]
        # numpy takes three times as long to read a list of numbers.
        ids = np.frombuffer(struct.pack(f"{len(read)}i", *read), dtype=np.int32)
        targets = np.full_like(ids, IGNORE)
        targets[:-1] = ids[1:]
        yield Tokens(ids, targets)


def _chats(example: Example) -> list[tuple[Turn, ...]]:
    """The conversations an example is made of."""
    if isinstance(example, Preference):
        replies = (example.chosen, example.rejected)
        return [(*example.prompt, Turn("assistant", reply)) for reply in replies]
    assert isinstance(example, Conversation), f"{example.id} among conversations"
    return [example.turns]


def _made(
    example: Example, encoded: Sequence[tuple[list[int], list[int]] | DataError]
) -> tuple[Tokens, ...] | DataError:
    for each in encoded:
        if isinstance(each, DataError):
            return each
    kept = cast(Sequence[tuple[list[int], list[int]]], encoded)
    if isinstance(example, Preference):
        return tuple(_shifted(ids, _last_run(learnt)) for ids, learnt in kept)
    return tuple(_shifted(ids, learnt) for ids, learnt in kept)


def _encoded(
    chats: Sequence[tuple[str, Sequence[Turn]]], tokenizer: PreTrainedTokenizerBase
) -> list[tuple[list[int], list[int]] | DataError]:
    """Of each (id, turns) the ids (T,) and, for each, whether the assistant says it."""
    if not _GENERATION.search(str(tokenizer.chat_template)):
        raise ConfigError(
            [
                "the tokenizer's chat template has no {% generation %} marks, so nobody knows "
                "which tokens to learn; change model.template"
            ]
        )
    control = tokenizer.all_special_tokens
    refused = [_forged(id, turns, control) for id, turns in chats]
    kept = [chat for chat, why in zip(chats, refused, strict=True) if not why]
    encoded = iter(_templated(kept, tokenizer) if kept else ())
    return [DataError(why) if why else next(encoded) for why in refused]


def _templated(
    chats: Sequence[tuple[str, Sequence[Turn]]], tokenizer: PreTrainedTokenizerBase
) -> Iterator[tuple[list[int], list[int]] | DataError]:
    encoded = tokenizer.apply_chat_template(
        [[{"role": t.role, "content": t.text} for t in turns] for _, turns in chats],
        return_dict=True,
        return_assistant_tokens_mask=True,
        tokenizer_kwargs={"verbose": False},
    )
    encoded = cast(BatchEncoding, encoded)  # which return_dict=True makes it
    learnt: Sequence[list[int]] = encoded["assistant_masks"]
    for (id, _), ids, mask in zip(chats, encoded["input_ids"], learnt, strict=True):
        yield (ids, mask) if any(mask) else DataError(f"example {id} has no token to learn")


def _forged(id: str, turns: Sequence[Turn], control: Sequence[str]) -> str:
    """What is wrong with turns that spell out a control token; "" where none does."""
    for turn in turns:
        for token in control:
            if token in turn.text:
                return f"example {id} spells out the control token '{token}'"
    return ""


def _or_raise(made: tuple[Tokens, ...] | DataError) -> tuple[Tokens, ...]:
    if isinstance(made, DataError):
        raise made
    return made


def _shifted(ids: Sequence[int], learnt: Sequence[int]) -> Tokens:
    """The target of each position is the id after it, where that one is learnt."""
    read = np.asarray(ids, dtype=np.int32)
    targets = np.full_like(read, IGNORE)
    targets[:-1] = np.where(np.asarray(learnt, dtype=bool)[1:], read[1:], IGNORE)
    return Tokens(read, targets)


def _last_run(learnt: Sequence[int]) -> list[int]:
    """The last unbroken run of ones, everything before it zero."""
    stop = len(learnt) - learnt[::-1].index(1)
    start = stop
    while start and learnt[start - 1]:
        start -= 1
    return [int(start <= at < stop) for at in range(len(learnt))]


def _check_end(tokenizer: PreTrainedTokenizerBase) -> None:
    if tokenizer.eos_token_id is None:
        raise ConfigError(
            ["the tokenizer has no end token, so no text would ever end; set its eos_token"]
        )
