"""A small model of the same family: does the family do what is asked of it?

Some do not. BLOOM, OPT, Falcon, MPT and Mamba of transformers 5.23 do not heed the positions that
mark the seams of a packed row, and the examples of a row see each other.
"""

from pathlib import Path
from typing import TYPE_CHECKING

from medllm.errors import ConfigError
from medllm.model.load import Extended, Fresh, Pretrained

if TYPE_CHECKING:
    from transformers import PretrainedConfig, PreTrainedModel

SIZES = {
    "num_hidden_layers": 2,
    "hidden_size": 64,
    "intermediate_size": 128,
    "num_attention_heads": 4,
    "num_key_value_heads": 4,
    "vocab_size": 512,
}
TOKENS = ("pad_token_id", "bos_token_id", "eos_token_id")  # none of them need be within 512


def miniature(start: Fresh | Pretrained | Extended, *, seed: int) -> "PreTrainedModel":
    """Random weights in float64, in the architecture of `start`, with few and narrow layers.

    Raises:
        ConfigError: a family that cannot be made small, or does not run in float64.
    """
    import torch
    from transformers import AutoModelForCausalLM

    try:
        family = _family(start)
        for key, size in SIZES.items():
            if hasattr(family, key):
                setattr(family, key, size)
        for key in TOKENS:
            setattr(family, key, None)
        if vars(family).get("layer_types"):
            family.layer_types = family.layer_types[: SIZES["num_hidden_layers"]]
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            # Grouped matrix products, the default for experts, are not made for float64.
            network = AutoModelForCausalLM.from_config(family, experts_implementation="eager")
        network = network.double().eval()
        network(input_ids=torch.tensor([[0, 1]]), use_cache=False)
    except Exception as error:  # a family may ask anything of its sizes
        raise ConfigError(
            [
                f"model.start cannot be made small, to compare losses on: {error}; "
                "set limits.compared=0 to go without"
            ]
        ) from error
    return network


def _family(start: Fresh | Pretrained | Extended) -> "PretrainedConfig":
    from peft import PeftConfig
    from transformers import AutoConfig, LlamaConfig

    if isinstance(start, Fresh):
        return LlamaConfig(**dict(start.architecture))  # pyright: ignore[reportArgumentType]
    whole = start.base if isinstance(start, Extended) else start
    path, revision = whole.path, whole.revision
    while (Path(path) / "adapter_config.json").exists():
        adapter = PeftConfig.from_pretrained(path)
        path, revision = str(adapter.base_model_name_or_path), adapter.revision
    return AutoConfig.from_pretrained(path, revision=revision)
