"""How well a model predicts held-out text, in bits per byte: comparable over tokenizers."""

import math
from collections.abc import Sequence

import numpy as np
import torch

from medllm.losses import token_nll
from medllm.types import IGNORE

Piece = tuple[np.ndarray, int]  # ids (T,) int32, bytes of UTF-8 that the ids predict

ROWS = 16  # most pieces scored at once
TOKENS = 4096  # most tokens scored at once, for their logits lie in memory together


def batches(pieces: Sequence[Piece]) -> list[torch.Tensor]:
    """All pieces as tensors (B, T) int64, IGNORE on the padding; pieces of like length together."""
    rows = sorted((torch.from_numpy(ids).long() for ids, _ in pieces), key=len)
    groups: list[list[torch.Tensor]] = []
    for row in rows:
        fits = groups and len(groups[-1]) < ROWS and (len(groups[-1]) + 1) * len(row) <= TOKENS
        if fits:
            groups[-1].append(row)
        else:
            groups.append([row])
    return [
        torch.nn.utils.rnn.pad_sequence(group, batch_first=True, padding_value=IGNORE)
        for group in groups
    ]


def share(every: Sequence[torch.Tensor], rank: int, world: int) -> list[tuple[torch.Tensor, bool]]:
    """The batches of one rank, as many as any other's; False: only to keep the others company."""
    rounds = range(rank, rank + len(every), world)
    return [(every[min(at, len(every) - 1)], at < len(every)) for at in rounds]


def nats(network: torch.nn.Module, ids: torch.Tensor) -> torch.Tensor:
    """Negative log-likelihood of a batch, (): float64; the first token of a row is given."""
    logits = network(input_ids=ids.clamp(min=0), use_cache=False).logits
    return token_nll(logits[:, :-1], ids[:, 1:]).sum(dtype=torch.float64)


def to_bits(nats: float, pieces: Sequence[Piece]) -> float:
    """Bits per byte of all `pieces` together."""
    return nats / math.log(2) / sum(size for _, size in pieces)


@torch.no_grad()
def bits_per_byte(network: torch.nn.Module, pieces: Sequence[Piece], device: torch.device) -> float:
    """Negative log2-likelihood of held-out text, per UTF-8 byte."""
    total = sum(float(nats(network, ids.to(device))) for ids in batches(pieces))
    return to_bits(total, pieces)
