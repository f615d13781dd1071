"""The losses, as functions of tensors. No model, no config, no state."""

import torch
import torch.nn.functional as F

from medllm.types import IGNORE


def token_nll(logits: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    """Negative log-likelihood of each target.

    Args:
        logits: (B, L, V), any float type; reduced in float32, or in float64 if given so.
        targets: (B, L) int64, already shifted, IGNORE where nothing is learnt.

    Returns:
        (B, L), in nats, 0 where nothing is learnt.
    """
    exact = logits.to(torch.promote_types(logits.dtype, torch.float32)).flatten(0, 1)
    flat = F.cross_entropy(exact, targets.flatten(), ignore_index=IGNORE, reduction="none")
    return flat.view_as(targets)


def sequence_logps(logits: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    """Log-probability of each sequence's learnt tokens: (B,), in nats, at most 0."""
    return -token_nll(logits, targets).sum(dim=1)


def dpo(
    policy_chosen: torch.Tensor,
    policy_rejected: torch.Tensor,
    reference_chosen: torch.Tensor,
    reference_rejected: torch.Tensor,
    *,
    beta: float,
    label_smoothing: float,
) -> tuple[torch.Tensor, torch.Tensor]:
    """Direct preference optimisation, eq. 7 of Rafailov et al. 2023 (arXiv 2305.18290).

    Args:
        policy_chosen .. reference_rejected: (B,) log-probabilities of whole replies.
        beta: strength of the tie to the reference, > 0; the paper uses 0.1 to 0.5.
        label_smoothing: share of pairs presumed to be judged the wrong way round, in
            [0, 0.5); eq. 3 of Mitchell 2023, "A note on DPO with noisy preferences".

    Returns:
        loss (B,), and margin (B,): the implicit reward of chosen minus rejected.
    """
    margin = beta * ((policy_chosen - reference_chosen) - (policy_rejected - reference_rejected))
    loss = (
        -(1 - label_smoothing) * F.logsigmoid(margin) - label_smoothing * F.logsigmoid(-margin)
    )  # fmt: skip
    return loss, margin.detach()


def ipo(
    policy_chosen: torch.Tensor,
    policy_rejected: torch.Tensor,
    reference_chosen: torch.Tensor,
    reference_rejected: torch.Tensor,
    *,
    beta: float,
) -> tuple[torch.Tensor, torch.Tensor]:
    """Identity preference optimisation, eq. 17 of Azar et al. 2023 (arXiv 2310.12036).

    Args:
        policy_chosen .. reference_rejected: (B,) log-probabilities *per learnt token*; the
            authors found that IPO needs the mean, not the sum, and TRL does the same.
        beta: the paper's tau, > 0; the margin is drawn to 1 / (2 beta).

    Returns:
        loss (B,), and margin (B,): beta times the difference of log-ratios, as for DPO.
    """
    ratio = (policy_chosen - reference_chosen) - (policy_rejected - reference_rejected)
    return (ratio - 1 / (2 * beta)) ** 2, (beta * ratio).detach()
