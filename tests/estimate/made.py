"""Configs of runs whose size can be counted by hand."""

import json

from medllm import config

# Llama-3-8B as published: 8,030,261,248 weights.
LLAMA_3_8B = {
    "model_type": "llama", "architectures": ["LlamaForCausalLM"], "hidden_size": 4096,
    "intermediate_size": 14336, "num_hidden_layers": 32, "num_attention_heads": 32,
    "num_key_value_heads": 8, "vocab_size": 128256, "max_position_embeddings": 8192,
    "rms_norm_eps": 1e-5, "tie_word_embeddings": False,
}  # fmt: skip
LLAMA_3_8B_WEIGHTS = 8_030_261_248


def composed(tmp_path, *overrides, experiment="world/base"):
    """A run of the invented world, whose folders are under `tmp_path`."""
    places = [f"paths.{key}='{tmp_path / key}'" for key in ("runs", "stores", "corpora")]
    return config.compose("train", [f"experiments={experiment}", *places, *overrides])


def published(tmp_path, *overrides, **fields):
    """The same, of a Llama-3-8B of which only config.json is there."""
    folder = tmp_path / "llama"
    folder.mkdir(exist_ok=True)
    (folder / "config.json").write_text(json.dumps(LLAMA_3_8B | fields))
    start = ["model/start=pretrained", f"model.start.path='{folder}'"]
    return composed(tmp_path, *start, *overrides)
