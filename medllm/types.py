"""What flows through medllm, in order of appearance.

    record -> Example -> Tokens -> row -> Batch     training
    record -> Question -> Reply -> Score            evaluation

Each arrow is one function in one file; nothing skips a step.

Shapes: B rows of a batch, L row length, T tokens of an example, P pairs.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, NamedTuple

if TYPE_CHECKING:  # neither is needed to describe the types, and torch takes seconds to import
    import numpy as np
    import torch

IGNORE = -100  # target value of a position that carries no loss; torch's own convention


@dataclass(frozen=True, slots=True)
class Document:
    """Running text. Every token is learnt."""

    id: str
    text: str


@dataclass(frozen=True, slots=True)
class Turn:
    """One utterance of a conversation."""

    role: Literal["system", "user", "assistant"]
    text: str


@dataclass(frozen=True, slots=True)
class Conversation:
    """Turns between a user and an assistant. Only the assistant's tokens are learnt."""

    id: str
    turns: tuple[Turn, ...]


@dataclass(frozen=True, slots=True)
class Preference:
    """Two replies to one prompt, the first judged better."""

    id: str
    prompt: tuple[Turn, ...]
    chosen: str
    rejected: str


Example = Document | Conversation | Preference


@dataclass(frozen=True, slots=True)
class Tokens:
    """One tokenised example.

    ids:     (T,) int32, what the model reads.
    targets: (T,) int32, the token that should follow each position, or IGNORE.
             Already shifted: the last target of an example is always IGNORE, so
             examples may be laid end to end without learning across the seam.
    """

    ids: "np.ndarray"
    targets: "np.ndarray"


class Batch(NamedTuple):
    """What a next-token stage consumes in one forward pass.

    ids, targets, positions: (B, L) int64. `positions` restarts at 0 with every
    example packed in a row, which is also how attention finds the seams.
    sources: (B, L) int64, the number of the source each token came from, -1 for padding.
    rows: (B,) int64, the number of each row in the plan of the run, -1 for an empty row.
    learnt: number of targets that are not IGNORE in the whole optimiser step, over
    all devices and accumulated micro-batches; the divisor of the loss.
    """

    ids: "torch.Tensor"
    targets: "torch.Tensor"
    positions: "torch.Tensor"
    sources: "torch.Tensor"
    rows: "torch.Tensor"
    learnt: int


class PairBatch(NamedTuple):
    """Chosen replies above, rejected below, so that one forward pass scores both.

    ids, targets: (2P, L) int64 for P pairs; row p and row P + p share a prompt.
    Right-padded; padding has target IGNORE.
    pairs: (P,) int64, the number of each pair in its store, -1 for an empty row.
    rows: (P,) int64, the number of each pair in the plan of the run, -1 for an empty row.
    judged: number of real pairs in the whole optimiser step; the divisor of the loss.
    """

    ids: "torch.Tensor"
    targets: "torch.Tensor"
    pairs: "torch.Tensor"
    rows: "torch.Tensor"
    judged: int


@dataclass(frozen=True, slots=True)
class Question:
    """One item of a benchmark, either multiple choice or open.

    options: letter to text, in the order shown; empty for an open question.
    answer: the correct letters, sorted ("A", "BD"); "" for an open question.
    reference: the reply a person wrote: an explanation, or the answer of an open question.
    strata: annotation to value, for scores by group, e.g. {"relation": "drug"}.
    """

    id: str
    text: str
    options: Mapping[str, str] = field(default_factory=dict)
    answer: str = ""
    reference: str = ""
    strata: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Reply:
    """What a model said to one question; stored before anything is scored.

    text: the generated reply; "" where only option likelihoods were taken.
    logps: option letter to log-probability in nats; empty where text was generated.
    """

    id: str
    text: str = ""
    logps: Mapping[str, float] = field(default_factory=dict)
