"""A packed row must have the loss of its examples, each read alone.

Where it has not, examples see their neighbours, positions run over a seam, or a target lies
across one. In float64, so that nothing but a mistake makes a difference.
"""

from collections.abc import Iterable
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from medllm.data.checks import some
from medllm.types import IGNORE

if TYPE_CHECKING:
    import torch

    from medllm.data.drawn import Drawn

WINDOW = 2048  # tokens of a row that are compared: attention takes the square of them


def packing_leaks(
    network: "torch.nn.Module", rows: "Iterable[Drawn]", *, tolerance: float
) -> list[str]:
    """Rows with another loss than that of their examples, each read alone.

    Args:
        network: a causal language model in float64; ids beyond its vocabulary start again at 0,
            since what leaks does not depend on the words.
        rows: of no pairs; each is read up to its first `WINDOW` tokens.
        tolerance: of a token's loss, in nats.
    """
    apart = {row.number: np.abs(np.subtract(*losses(network, row))) for row in rows}
    wrong = [number for number, each in apart.items() if each.max(initial=0) > tolerance]
    if not wrong:
        return []
    worst = max(wrong, key=lambda number: apart[number].max())
    at = int(apart[worst].argmax())
    return [
        f"{some(wrong, len(apart), 'rows')} have another loss packed than example by example, row "
        f"{worst} by {apart[worst][at]:.2g} nats at token {at}: its examples see each other, or a "
        "target lies across their seam"
    ]


def losses(network: "torch.nn.Module", row: "Drawn") -> tuple[np.ndarray, np.ndarray]:
    """The loss of each token of a row, packed as in training and example by example: (L,) each."""
    ids, positions = row.ids[:WINDOW], row.positions[:WINDOW]
    is_learnt = row.targets[:WINDOW] != IGNORE
    is_learnt[-1] &= len(row.ids) <= WINDOW  # the window's own end is no seam
    packed = _nll(network, ids, np.where(is_learnt, row.targets[:WINDOW], IGNORE), positions)
    single = np.zeros(len(ids))
    length = int((row.sources[:WINDOW] >= 0).sum())
    borders = [*row.begins[row.begins < length].tolist(), length]
    for start, stop in pairwise(borders):
        targets = np.append(ids[start + 1 : stop], IGNORE)
        targets[~is_learnt[start:stop]] = IGNORE
        single[start:stop] = _nll(network, ids[start:stop], targets, None)
    return packed, single


def _nll(
    network: Any, ids: np.ndarray, targets: np.ndarray, positions: np.ndarray | None
) -> np.ndarray:
    """(L,) in nats; positions as training gives them, or None for those of a text alone."""
    import torch

    from medllm.losses import token_nll

    size = network.config.vocab_size
    targets = np.where(targets == IGNORE, IGNORE, targets % size)
    read, wanted = (torch.from_numpy(array[None]) for array in (ids % size, targets))
    where = None if positions is None else torch.from_numpy(positions[None])
    with torch.no_grad():
        logits = network(input_ids=read, position_ids=where, use_cache=False).logits
        return token_nll(logits, wanted)[0].numpy()
