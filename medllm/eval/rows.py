"""Questions as rows of tokens, ready for a forward pass.

    Question -> put      -> ids (T,) of the prompt, and the gap before what follows
             -> batches  -> numbers of questions of like length, longest first
             -> left_padded, positions -> (B, T) tensors

Rows end together, so the next token of every row stands in the last column.
"""

import hashlib
from collections.abc import Iterator, Sequence

import torch
from rich.console import Console
from rich.progress import track
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from medllm.errors import DataError
from medllm.prompt import ask
from medllm.types import Question


def put(
    question: Question, *, prompt: str, tokenizer: PreTrainedTokenizerBase
) -> tuple[list[int], str]:
    """Ids of the question as one user turn, and the blanks that ended it.

    A tokenizer without a chat template gets the bare prompt after its beginning token, as
    documents do in training. Trailing blanks go to what follows: a byte-level tokenizer has
    learnt " aspirin" and never a blank by itself.
    """
    text = ask(question, prompt=prompt)
    begin: list[int] = []
    if tokenizer.chat_template:
        turns = [{"role": "user", "content": text}]
        text = str(tokenizer.apply_chat_template(turns, tokenize=False, add_generation_prompt=True))
    elif tokenizer.bos_token:
        begin = encode(str(tokenizer.bos_token), tokenizer)
    stem = text.rstrip(" ")
    return begin + encode(stem, tokenizer), text[len(stem) :]


def encode(text: str, tokenizer: PreTrainedTokenizerBase) -> list[int]:
    """Ids of `text` as it stands, with no beginning or end added."""
    return tokenizer(text, add_special_tokens=False)["input_ids"]


def refuse_too_long(
    questions: Sequence[Question], lengths: Sequence[int], model: PreTrainedModel
) -> None:
    """Before the first forward pass, not after an hour of them.

    Raises:
        DataError: prompt and reply together outgrow the positions the model was made for.
    """
    limit = getattr(model.config, "max_position_embeddings", None)
    for question, length in zip(questions, lengths, strict=True):
        if limit is not None and length > limit:
            raise DataError(
                f"question {question.id} with its reply takes {length} tokens and the model has "
                f"{limit} positions; shorten benchmark.scorer.prompt or the reply, or leave the "
                "question out"
            )


def batches(lengths: Sequence[int], *, size: int, description: str) -> Iterator[list[int]]:
    """Numbers of rows, longest first, so that memory runs out at once or not at all."""
    order = sorted(range(len(lengths)), key=lambda row: -lengths[row])
    console = Console(stderr=True)
    starts = range(0, len(order), size)
    for start in track(
        starts, description, console=console, transient=True, disable=not console.is_terminal
    ):
        yield order[start : start + size]


def left_padded(
    rows: Sequence[Sequence[int]], device: torch.device
) -> tuple[torch.Tensor, torch.Tensor]:
    """The ids (B, T) int64 and the mask (B, T), 0 on the padding before each row.

    The padding's id is 0: masked, so any entry of the vocabulary would do.
    """
    longest = max(map(len, rows))
    ids = [[0] * (longest - len(row)) + list(row) for row in rows]
    mask = [[0] * (longest - len(row)) + [1] * len(row) for row in rows]
    return torch.tensor(ids, device=device), torch.tensor(mask, device=device)


def positions(mask: torch.Tensor) -> torch.Tensor:
    """(B, T) int64, counted from the first token that is not padding."""
    return (mask.cumsum(dim=1) - 1).clamp(min=0)


def digest(text: str | None) -> str:
    """Eight hex digits that stand for a text in a signature; "none" for no text."""
    return "none" if text is None else hashlib.sha256(text.encode()).hexdigest()[:8]
