"""A language model: where it comes from, how it is spoken to, and which weights are trained.

    model.start     fresh (random weights), pretrained (a Hugging Face folder or hub id), or
                    pretrained with a vocabulary made longer by `medllm vocabulary`
    model.template  how turns become text
    model.adapter   all weights, or LoRA

Nothing is loaded until `tokenizer()` or `network()` is called: composing a config is cheap,
and a sharding strategy can call `network()` when it is ready.
"""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from medllm.errors import ConfigError
from medllm.model.adapter import Full, Lora
from medllm.model.extension import rows
from medllm.model.template import Template
from medllm.model.vocabulary import BytePairs, Published, is_absent_folder

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerFast


@dataclass(frozen=True, kw_only=True)
class Fresh:
    """A Llama with random weights.

    architecture: arguments of transformers' LlamaConfig, sizes in units of their own.
    vocabulary: the tokenizer, trained first or published.
    """

    architecture: Mapping[str, int | float | bool]
    vocabulary: BytePairs | Published

    def tokenizer(self) -> "PreTrainedTokenizerFast":
        return self.vocabulary.tokenizer()

    def network(self, tokenizer: "PreTrainedTokenizerFast", *, seed: int) -> "PreTrainedModel":
        from transformers import LlamaConfig, LlamaForCausalLM

        special: Any = tokenizer  # its ids are numbers, though its types allow words
        config = LlamaConfig(
            **dict(self.architecture),  # pyright: ignore[reportArgumentType]
            vocab_size=len(tokenizer),
            bos_token_id=special.bos_token_id,
            eos_token_id=special.eos_token_id,
            pad_token_id=special.pad_token_id,
        )
        with _alike_everywhere(seed):
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
        # Absolute, since an adapter exported beside names its base by this path.
        path = os.path.abspath(self.path) if Path(self.path).is_dir() else self.path
        return AutoModelForCausalLM.from_pretrained(
            path, revision=self.revision, dtype=torch.float32, use_safetensors=True
        )

    def _check(self) -> None:
        if is_absent_folder(self.path):
            raise ConfigError(
                [
                    f"model.start.path={self.path} is no folder: "
                    "train the run before, or change `previous`"
                ]
            )


def _with_adapter(path: str) -> "PreTrainedModel":
    """A base and the adapter trained beside it, merged."""
    from peft import PeftConfig, PeftModel

    config = PeftConfig.from_pretrained(path)
    base = config.base_model_name_or_path
    assert base is not None, "an exported adapter names its base"
    network = Pretrained(path=base, revision=config.revision).network(None, seed=0)  # pyright: ignore
    merged = PeftModel.from_pretrained(network, path).merge_and_unload()  # pyright: ignore
    # An adapter trained on top stands on this one, not on the base alone.
    merged.name_or_path = os.path.abspath(path)
    return merged


@dataclass(frozen=True, kw_only=True)
class Extended:
    """A pretrained model with new entries in its vocabulary, whose rows are means of old ones.

    base: the model whose tokenizer was extended.
    folder: what `medllm vocabulary` wrote.
    mean_of: "parts", the tokens that an entry was cut into before (Gee et al. 2022, arXiv
        2402.09977); or "all", the whole base (Hewitt 2021, "Initializing New Word Embeddings
        for Pretrained Language Models"), which tells entries apart only by training.
    """

    base: Pretrained
    folder: str
    mean_of: Literal["parts", "all"]

    def tokenizer(self) -> "PreTrainedTokenizerFast":
        """The longer tokenizer.

        Raises:
            ConfigError: there is none, or it extends another base.
        """
        from transformers import AutoTokenizer

        if not (Path(self.folder) / "extension.json").exists():
            raise ConfigError(
                [f"model.start.folder={self.folder} holds no extension; make it: medllm vocabulary"]
            )
        longer = AutoTokenizer.from_pretrained(self.folder)
        rows.check(self.base.tokenizer(), longer, Path(self.folder))
        return longer

    def network(self, tokenizer: "PreTrainedTokenizerFast", *, seed: int) -> "PreTrainedModel":
        """The base with a row for each new entry.

        Raises:
            ConfigError: the base is a tokenizer without weights.
        """
        if not has_weights(self.base.path):
            raise ConfigError(
                [f"model.start.base.path={self.base.path} has no weights (*.safetensors)"]
            )
        network = self.base.network(tokenizer, seed=seed)
        with _alike_everywhere(seed):
            rows.lengthen(network, Path(self.folder), mean_of=self.mean_of)
        network.name_or_path = ""  # these weights lie nowhere until they are exported
        return network


def has_weights(path: str) -> bool:
    """Whether a folder holds more than a tokenizer; an id of the hub is taken to."""
    return not Path(path).is_dir() or any(Path(path).glob("*.safetensors"))


@contextmanager
def _alike_everywhere(seed: int) -> Iterator[None]:
    """Random weights in float32 on the CPU, whatever device and precision Lightning has set.

    So that the same seed gives the same weights on all hardware.
    """
    import torch

    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float32)
    try:
        with torch.random.fork_rng(devices=[]), torch.device("cpu"):
            torch.manual_seed(seed)
            yield
    finally:
        torch.set_default_dtype(before)


@dataclass(frozen=True, kw_only=True)
class LanguageModel:
    """name: what reports call it."""

    name: str
    start: Fresh | Pretrained | Extended
    template: Template
    adapter: Full | Lora

    def tokenizer(self) -> "PreTrainedTokenizerFast":
        """The tokenizer with its chat template.

        Raises:
            ConfigError: if it has no end token, without which a model cannot learn to stop.
        """
        tokenizer = self.start.tokenizer()
        if tokenizer.eos_token_id is None:
            raise ConfigError(
                [f"the tokenizer of model.name={self.name} has no end token (eos_token)"]
            )
        if tokenizer.pad_token_id is None:
            tokenizer.pad_token = tokenizer.eos_token  # padding is never learnt, nor attended to
        return self.template.dress(tokenizer)

    def network(self, tokenizer: "PreTrainedTokenizerFast", *, seed: int):
        """The model with its adapter attached, in float32, on the CPU."""
        network = self.start.network(tokenizer, seed=seed)
        # With a cache, transformers ignores the seams that restarting positions mark.
        network.config.use_cache = False
        with _alike_everywhere(seed):
            return self.adapter.attach(network)
