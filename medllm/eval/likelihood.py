"""How likely a model finds the options of a question: forward passes, and nothing else.

    prompts (B, T) -> keys and values, and the first token of every option
    options (R, C) -> the tokens after it, each row on its own prompt's keys and values

A prompt is read once for all of its options, so five options of eight tokens cost one prompt
and forty tokens, not five prompts; options of one token cost no second pass. Equal to scoring
each prompt and option by itself (float32: 1e-5).
"""

from collections.abc import Sequence

import torch
from transformers import PreTrainedModel

from medllm.eval.rows import left_padded, positions


@torch.inference_mode()
def option_logps(
    prompts: Sequence[list[int]], options: Sequence[Sequence[list[int]]], model: PreTrainedModel
) -> list[list[float]]:
    """For each prompt the log-probabilities of its options, in nats and not normalised.

    Args:
        prompts: B rows of ids, B >= 1.
        options: for each prompt the ids of its options, R in all, none empty.
    """
    ids, mask = left_padded(prompts, model.device)
    flat = [torch.tensor(option) for several in options for option in several]
    counts = torch.tensor([len(several) for several in options])
    owner = torch.arange(len(prompts)).repeat_interleave(counts).to(model.device)  # (R,)
    padded = torch.nn.utils.rnn.pad_sequence(flat, batch_first=True, padding_value=-1)
    real = (padded >= 0).to(model.device)  # (R, C)
    tokens = padded.clamp(min=0).to(model.device)

    read = model(
        input_ids=ids,
        attention_mask=mask,
        position_ids=positions(mask),
        use_cache=tokens.shape[1] > 1,
        logits_to_keep=1,
    )
    logps = _logps(read.logits[owner], tokens[:, :1])[:, 0]
    if tokens.shape[1] > 1:
        read.past_key_values.batch_select_indices(owner)
        seen = torch.cat([mask[owner], real[:, :-1].to(mask.dtype)], dim=1)
        logits = model(
            input_ids=tokens[:, :-1],
            attention_mask=seen,
            position_ids=positions(seen)[:, ids.shape[1] :],
            past_key_values=read.past_key_values,
            use_cache=True,
        ).logits
        logps = logps + (_logps(logits, tokens[:, 1:]) * real[:, 1:]).sum(dim=1)
    return [part.tolist() for part in logps.split(counts.tolist())]


def _logps(logits: torch.Tensor, tokens: torch.Tensor) -> torch.Tensor:
    """(R, C) log-probabilities of `tokens` (R, C) under `logits` (R, C, V), in float32."""
    logits = logits.float()
    return logits.gather(2, tokens[:, :, None])[:, :, 0] - logits.logsumexp(dim=2)
