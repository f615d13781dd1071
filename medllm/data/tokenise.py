"""Examples into Tokens: what the model reads and what it should say next.

    Document      begin text end                    every token is learnt
    Conversation  chat template, {% generation %}   the assistant's tokens are learnt
    Preference    two conversations                 only the last reply is learnt

The border of the loss comes from the template's generation marks and the tokenizer's own
character offsets. Text is never searched for it, and text can never forge it: an example
that spells out a control token is refused, or read as plain text in a document.
"""

import re
from collections.abc import Sequence
from typing import cast

import numpy as np
from transformers import BatchEncoding, PreTrainedTokenizerBase

from medllm.errors import ConfigError, DataError
from medllm.types import IGNORE, Conversation, Document, Preference, Tokens, Turn

_GENERATION = re.compile(r"\{%-?\s*generation\s*-?%\}")


def tokenise(example: Document | Conversation, tokenizer: PreTrainedTokenizerBase) -> Tokens:
    """One example, its targets shifted by one.

    Raises:
        ConfigError: the tokenizer has no end token, or its template no generation marks.
        DataError: nothing is learnt, or a turn spells out a control token.
    """
    if isinstance(example, Document):
        return _document(example, tokenizer)
    ids, learnt = _encoded(example.id, example.turns, tokenizer)
    return _shifted(ids, learnt)


def tokenise_pair(
    preference: Preference, tokenizer: PreTrainedTokenizerBase
) -> tuple[Tokens, Tokens]:
    """The chosen and the rejected conversation; earlier replies in the prompt are not learnt.

    Raises:
        ConfigError: as `tokenise`.
        DataError: as `tokenise`.
    """
    chosen = _reply(preference, preference.chosen, tokenizer)
    return chosen, _reply(preference, preference.rejected, tokenizer)


def check_template(tokenizer: PreTrainedTokenizerBase) -> None:
    """That a conversation can be learnt, down to its end.

    Raises:
        ConfigError: no end token, no generation marks, or an end of turn outside of them, so
            that the model would never learn to stop.
    """
    _check_end(tokenizer)
    _, learnt = _encoded("probe", (Turn("user", "a"), Turn("assistant", "b")), tokenizer)
    if sum(learnt) <= len(tokenizer("b", add_special_tokens=False)["input_ids"]):
        raise ConfigError(
            [
                "the chat template learns the reply but not the end of the turn; "
                "put the end token inside {% generation %}; change model.template"
            ]
        )


def _document(document: Document, tokenizer: PreTrainedTokenizerBase) -> Tokens:
    _check_end(tokenizer)
    # split_special_tokens: "</s>" on a web page is five characters, not the end of the text.
    ids = tokenizer(
        document.text, add_special_tokens=False, split_special_tokens=True, verbose=False
    )["input_ids"]
    begin = [] if tokenizer.bos_token_id is None else [tokenizer.bos_token_id]
    ids = [*begin, *ids, tokenizer.eos_token_id]
    return _shifted(ids, [1] * len(ids))


def _reply(preference: Preference, reply: str, tokenizer: PreTrainedTokenizerBase) -> Tokens:
    turns = (*preference.prompt, Turn("assistant", reply))
    ids, learnt = _encoded(preference.id, turns, tokenizer)
    return _shifted(ids, _last_run(learnt))


def _encoded(
    id: str, turns: Sequence[Turn], tokenizer: PreTrainedTokenizerBase
) -> tuple[list[int], list[int]]:
    """Ids (T,) and, for each, whether the assistant says it."""
    if not _GENERATION.search(str(tokenizer.chat_template)):
        raise ConfigError(
            [
                "the tokenizer's chat template has no {% generation %} marks, so nobody knows "
                "which tokens to learn; change model.template"
            ]
        )
    for turn in turns:
        for token in tokenizer.all_special_tokens:
            if token in turn.text:
                raise DataError(f"example {id} spells out the control token '{token}'")
    encoded = tokenizer.apply_chat_template(
        [{"role": turn.role, "content": turn.text} for turn in turns],
        return_dict=True,
        return_assistant_tokens_mask=True,
        tokenizer_kwargs={"verbose": False},
    )
    encoded = cast(BatchEncoding, encoded)  # which return_dict=True makes it
    if not any(encoded["assistant_masks"]):
        raise DataError(f"example {id} has no token to learn")
    return encoded["input_ids"], encoded["assistant_masks"]


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
