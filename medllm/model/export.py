"""A trained model as a Hugging Face folder: the one currency between stages."""

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from medllm.model.adapter import Full, Lora

if TYPE_CHECKING:
    import torch
    from transformers import PreTrainedModel, PreTrainedTokenizerFast


def export(
    network: "PreTrainedModel",
    tokenizer: "PreTrainedTokenizerFast",
    *,
    adapter: Full | Lora,
    folder: Path,
) -> "PreTrainedModel":
    """Write weights (safetensors), tokenizer, chat template and generation config.

    The folder appears whole or not at all.

    Returns:
        the model as exported, adapters merged unless they stand beside.
    """
    unfinished = folder.with_name(f"{folder.name}.unfinished")
    shutil.rmtree(unfinished, ignore_errors=True)
    whole = adapter.detach(network)
    generation = whole.generation_config
    generation.eos_token_id = tokenizer.eos_token_id
    generation.pad_token_id = tokenizer.pad_token_id
    generation.bos_token_id = tokenizer.bos_token_id
    whole.config.use_cache = True
    whole.save_pretrained(unfinished)
    generation.save_pretrained(unfinished)
    tokenizer.save_pretrained(unfinished)
    shutil.rmtree(folder, ignore_errors=True)
    unfinished.rename(folder)
    return whole


def filled(network: "torch.nn.Module", weights: "Mapping[str, torch.Tensor]") -> "torch.nn.Module":
    """A network as it was before training, given what was trained, in its precision.

    So that a model that was spread over devices is exported from the processor's memory.
    """
    network.to(next(iter(weights.values())).dtype)
    unknown = network.load_state_dict(weights, strict=False).unexpected_keys
    assert not unknown, f"not of this network: {unknown}"
    return network
