"""How many weights a run has, and how many of them it trains."""

import functools
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from omegaconf import DictConfig

from medllm.estimate.architecture import Architecture, Unknown, architecture

if TYPE_CHECKING:
    from transformers import PreTrainedModel


@dataclass(frozen=True, slots=True)
class Size:
    """A network in numbers.

    parameters: all weights, adapters included.
    trained: those that change.
    multiplied: those that take part in matrix products: all but an input embedding, which is
        looked up, unless the head uses it too.
    embedding: weights of the input embedding.
    largest: weights of the largest tensor that is trained.
    layers, hidden, vocabulary: of the architecture.
    attention: heads x width of a head.
    """

    parameters: int
    trained: int
    multiplied: int
    embedding: int
    largest: int
    layers: int
    hidden: int
    vocabulary: int
    attention: int

    @property
    def layer(self) -> int:
        """Weights of one layer."""
        outside = self.embedding + self.vocabulary * self.hidden * (
            self.multiplied < self.parameters
        )
        return (self.parameters - outside) // self.layers


def size(cfg: DictConfig, earlier: Mapping[str, DictConfig]) -> Size | Unknown:
    """The size of the network that `cfg` composes, without allocating it.

    Args:
        earlier: configs of runs that are not trained yet, by id; a step of a chain has the
            architecture of its root.
    """
    found = architecture(cfg, earlier)
    return found if isinstance(found, Unknown) else size_of(found)


@functools.lru_cache(maxsize=64)
def size_of(found: Architecture) -> Size:
    network, said = found.network(), found.of()
    heads = said.num_attention_heads
    width = getattr(said, "head_dim", None) or said.hidden_size // heads
    return Size(
        **_counts(network),
        layers=said.num_hidden_layers,
        hidden=said.hidden_size,
        vocabulary=said.vocab_size,
        attention=heads * width,
    )


def _counts(network: "PreTrainedModel") -> dict[str, int]:
    every = list(network.parameters())  # a tied weight once
    embedding: Any = network.get_input_embeddings()
    head: Any = network.get_output_embeddings()
    looked_up = sum(weight.numel() for weight in embedding.parameters())
    is_tied = head is not None and head.weight is embedding.weight
    trained = [weight.numel() for weight in every if weight.requires_grad]
    parameters = sum(weight.numel() for weight in every)
    return {
        "parameters": parameters,
        "trained": sum(trained),
        "multiplied": parameters - (0 if is_tied else looked_up),
        "embedding": looked_up,
        "largest": max(trained),
    }
