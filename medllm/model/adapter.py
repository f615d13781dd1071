"""Which weights are trained: all of them, or low-rank adapters beside them (PEFT)."""

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from medllm.errors import ConfigError

if TYPE_CHECKING:
    from transformers import PreTrainedModel


@dataclass(frozen=True, kw_only=True)
class Full:
    """Every weight is trained."""

    def attach(self, network: "PreTrainedModel") -> "PreTrainedModel":
        return network

    def detach(self, network: "PreTrainedModel") -> "PreTrainedModel":
        return network


@dataclass(frozen=True, kw_only=True)
class Lora:
    """Low-rank adapters, Hu et al. 2021 (arXiv 2106.09685); the base stays as it is.

    rank, alpha, dropout: the update is alpha / rank * B A, on inputs dropped with `dropout`.
    targets: names of linear layers, or "all-linear" for all but the head.
    export: "merged" into the base's weights, or "beside" them as a PEFT folder.
    """

    rank: int
    alpha: float
    dropout: float
    targets: str | Sequence[str]
    export: Literal["merged", "beside"]

    def attach(self, network: "PreTrainedModel"):
        """`network` with fresh adapters, the only weights that require a gradient.

        Raises:
            ConfigError: if no layer is named in `targets`, or the export would have no base.
        """
        from peft import LoraConfig, get_peft_model

        if self.export == "beside" and not network.name_or_path:
            raise ConfigError(
                [
                    "model.adapter.export=beside names its base, and a fresh model lies nowhere; "
                    "use model.adapter.export=merged"
                ]
            )
        targets = self.targets if isinstance(self.targets, str) else list(self.targets)
        config = LoraConfig(
            r=self.rank,
            lora_alpha=self.alpha,  # pyright: ignore[reportArgumentType]  (peft scales by floats too)
            lora_dropout=self.dropout,
            target_modules=targets,
            task_type="CAUSAL_LM",
        )
        try:
            # A model of the hub knows its commit, a folder none.
            commit = getattr(network.config, "_commit_hash", None)
            with warnings.catch_warnings():  # peft 0.21 reads a name that transformers 5.23 leaves
                warnings.filterwarnings("ignore", ".*is_gradient_checkpointing.*")
                return get_peft_model(network, config, revision=commit)
        except ValueError as error:
            raise ConfigError(
                [f"model.adapter.targets={targets} fits no layer: {error}"]
            ) from error

    def detach(self, network):
        """What is exported: the merged base, or the adapters alone."""
        return network.merge_and_unload() if self.export == "merged" else network
