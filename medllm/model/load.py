"""A language model: where its weights and tokenizer come from, how it is spoken to, what is trained.

    model.start     fresh (random weights) or pretrained (a Hugging Face folder or hub id)
    model.template  how turns become text
    model.adapter   all weights, or LoRA

Nothing is loaded until `tokenizer()` or `network()` is called: composing a config is cheap,
and a sharding strategy can call `network()` when it is ready.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from medllm.errors import ConfigError
from medllm.model.adapter import Full, Lora
from medllm.model.template import Template
from medllm.model.vocabulary import BytePairs

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerFast


@dataclass(frozen=True, kw_only=True)
class Fresh:
    """A Llama with random weights.

    architecture: arguments of transformers' LlamaConfig, sizes in units of their own.
    vocabulary: the tokenizer to train first.
    """

    architecture: Mapping[str, int | float | bool]
    vocabulary: BytePairs

    def tokenizer(self) -> "PreTrainedTokenizerFast":
        return self.vocabulary.train()

    def network(self, tokenizer: "PreTrainedTokenizerFast", *, seed: int) -> "PreTrainedModel":
        import torch
        from transformers import LlamaConfig, LlamaForCausalLM

        config = LlamaConfig(
            **dict(self.architecture),  # pyright: ignore[reportArgumentType]
            vocab_size=len(tokenizer),
            bos_token_id=tokenizer.bos_token_id,
            eos_token_id=tokenizer.eos_token_id,
            pad_token_id=tokenizer.pad_token_id,
        )
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            return LlamaForCausalLM(config)


@dataclass(frozen=True, kw_only=True)
class Pretrained:
    """Weights and tokenizer of a Hugging Face folder or hub id.

    path: folder, or id of the hub; never run with code of its own, never unpickled.
    revision: commit or branch of the hub; null for a folder.
    """

    path: str
    revision: str | None

    def tokenizer(self) -> "PreTrainedTokenizerFast":
        from transformers import AutoTokenizer

        self._check()
        return AutoTokenizer.from_pretrained(self.path, revision=self.revision)

    def network(self, tokenizer: "PreTrainedTokenizerFast", *, seed: int) -> "PreTrainedModel":
        """The model; `seed` is not needed, since no weight is random."""
        import torch
        from transformers import AutoModelForCausalLM

        self._check()
        if (Path(self.path) / "adapter_config.json").exists():
            return _with_adapter(self.path)
        return AutoModelForCausalLM.from_pretrained(
            self.path, revision=self.revision, dtype=torch.float32, use_safetensors=True
        )

    def _check(self) -> None:
        looks_like_a_folder = self.path.startswith((".", "/")) or self.path.count("/") > 1
        if looks_like_a_folder and not Path(self.path).is_dir():
            raise ConfigError(
                [f"model.start.path={self.path} is no folder: train the run before, or change `previous`"]
            )


def _with_adapter(path: str) -> "PreTrainedModel":
    """A base and the adapter trained beside it, merged."""
    from peft import PeftConfig, PeftModel

    base = PeftConfig.from_pretrained(path).base_model_name_or_path
    assert base is not None, "an exported adapter names its base"
    network = Pretrained(path=base, revision=None).network(None, seed=0)  # pyright: ignore
    return PeftModel.from_pretrained(network, path).merge_and_unload()  # pyright: ignore


@dataclass(frozen=True, kw_only=True)
class LanguageModel:
    """name: what reports call it."""

    name: str
    start: Fresh | Pretrained
    template: Template
    adapter: Full | Lora

    def tokenizer(self) -> "PreTrainedTokenizerFast":
        """The tokenizer with its chat template.

        Raises:
            ConfigError: if it has no end token, without which a model cannot learn to stop.
        """
        tokenizer = self.start.tokenizer()
        if tokenizer.eos_token_id is None:
            raise ConfigError([f"the tokenizer of model.name={self.name} has no end token (eos_token)"])
        if tokenizer.pad_token_id is None:
            tokenizer.pad_token = tokenizer.eos_token  # padding is never learnt, nor attended to
        return self.template.dress(tokenizer)

    def network(self, tokenizer: "PreTrainedTokenizerFast", *, seed: int):
        """The model with its adapter attached, in float32, on the CPU."""
        network = self.start.network(tokenizer, seed=seed)
        # With a cache, transformers ignores the seams that restarting positions mark.
        network.config.use_cache = False
        return self.adapter.attach(network)
