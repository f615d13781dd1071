"""The data of one run: its sources, how they are packed and in which order they come."""

import functools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from transformers import PreTrainedTokenizerFast

from medllm.data import build, mix, pack, removal
from medllm.data.preparation import Preparation
from medllm.data.progress import Progress
from medllm.data.source.read import Source
from medllm.data.sources import Sources
from medllm.data.steps import Rows
from medllm.data.store import Store
from medllm.data.tokens import TokenStore
from medllm.errors import ConfigError
from medllm.types import Question

if TYPE_CHECKING:
    from medllm.data.contamination.gate import Contamination
    from medllm.data.dedup.exact import Exact
    from medllm.data.dedup.near import Near


@dataclass(frozen=True, kw_only=True)
class Mixture:
    """What a stage trains on.

    Args:
        sources: by name.
        seq_len: tokens of the longest row.
        packing: see `medllm.data.pack`; pairs take none.
        mix_unit: row packs each source alone and mixes rows; example mixes examples and
            packs them afterwards in that order, so the order is a curriculum.
        mix: a function of `medllm.data.mix`, all but its sizes, epochs and seed given.
        heldout: texts that are never trained on; their bits per byte are followed.
        contamination: against which benchmarks the sources are checked; None for none.
        near: which examples are too much alike, over all sources; None to keep them.
        exact: which stretches stand twice, over all sources; None to keep them.
    """

    sources: Mapping[str, Source]
    seq_len: int
    packing: Literal["cut", "whole", "none"]
    mix_unit: Literal["row", "example"]
    mix: Callable[..., np.ndarray]
    heldout: Mapping[str, Source]
    contamination: "Contamination | None" = None
    near: "Near | None" = None
    exact: "Exact | None" = None

    def check(self, global_batch: int | None = None) -> list[str]:
        """Everything that cannot work, in words.

        Args:
            global_batch: rows of an optimiser step, where it is to be checked too.
        """
        given = self._given()
        by_source = {key: value for key, value in given.items() if isinstance(value, Mapping)}
        problems = mix.disagreements(self.sources, by_source)
        if self.mix_unit == "example" and self.packing == "cut":
            problems.append("data.mix_unit=example cannot be cut; use data.packing=whole or none")
        anchor = given.get("anchor")
        if anchor is not None and anchor not in self.sources:
            problems.append(f"mix.anchor='{anchor}' is not one of {', '.join(self.sources)}")
        weights = given.get("weights")
        return problems if weights is None else problems + self._check_quota(weights, global_batch)

    def stores(
        self,
        tokenizer: PreTrainedTokenizerFast,
        folder: Path,
        *,
        questions: Mapping[str, Sequence[Question]] | None = None,
        preparation: Preparation | None = None,
        progress: bool = True,
    ) -> dict[str, Store]:
        """The store of every source, made where there is none.

        Args:
            folder: of all stores.
            questions: of every benchmark that `contamination` names.
            preparation: what of the machine may be used.

        Raises:
            ConfigError: if `check` finds something, or only some sources hold pairs.
            DataError: see `medllm.data.build`.
        """
        if problems := self.check():
            raise ConfigError(problems)
        with Progress(progress) as bars:
            sources = self._corpora(folder, preparation or Preparation(), bars)
            tokens = self._tokens(sources, tokenizer)
            self._check_pairs(tokens)
            sources = self._without(sources, tokens, tokenizer, questions or {})
        return {
            name: build.rows_of(
                sources.corpora[name],
                tokens[name],
                name=name,
                folder=folder,
                seq_len=self.seq_len,
                packing="none" if self.mix_unit == "example" else self.packing,
                removed=sources.removed[name],
            )
            for name in self.sources
        }

    def _corpora(self, folder: Path, preparation: Preparation, progress: Progress) -> Sources:
        corpora = {
            name: build.corpus_of(
                source, name=name, folder=folder, preparation=preparation, progress=progress
            )
            for name, source in self.sources.items()
        }
        return Sources(corpora=corpora, folder=folder, preparation=preparation, progress=progress)

    def _tokens(
        self, sources: Sources, tokenizer: PreTrainedTokenizerFast
    ) -> dict[str, TokenStore]:
        return {
            name: build.tokens_of(
                corpus,
                tokenizer,
                name=name,
                folder=sources.folder,
                has_patient_data=self.sources[name].has_patient_data,
                progress=sources.progress,
            )
            for name, corpus in sources.corpora.items()
        }

    def _without(
        self,
        sources: Sources,
        tokens: Mapping[str, TokenStore],
        tokenizer: PreTrainedTokenizerFast,
        questions: Mapping[str, Sequence[Question]],
    ) -> Sources:
        """What is left of the sources after all that this mixture leaves out."""
        if self.contamination is not None:
            sources = removal.contaminated(sources, self.contamination, questions)
        if self.near is not None:
            sources = removal.nearly_the_same(sources, self.near, tokens)
        if self.exact is not None:
            from medllm.data.dedup.characters import starts_character

            begins = starts_character(tokenizer)
            sources = removal.repeated(sources, self.exact, tokens, begins)
        return sources

    def rows(self, stores: Mapping[str, Store], *, epochs: int, seed: int) -> Rows:
        """The rows of the whole run; global batches are cut from all epochs together.

        Raises:
            ConfigError: if `mix` does not fit the stores.
        """
        sizes = {name: len(store) for name, store in stores.items()}
        order = self.mix(sizes, epochs=epochs, seed=seed)
        if self.mix_unit == "row" or self.packing == "none":
            return Rows(order, np.arange(len(order) + 1))
        lengths = np.empty(len(order), dtype=np.int64)
        for number, store in enumerate(stores.values()):
            mine = order[:, 0] == number
            lengths[mine] = store.lengths[order[mine, 1]]
        return Rows(order, pack.windows(lengths, seq_len=self.seq_len))

    def _check_pairs(self, tokens: Mapping[str, TokenStore]) -> None:
        pairs = [name for name, store in tokens.items() if store.is_pairs]
        if 0 < len(pairs) < len(tokens):
            raise ConfigError([f"data.sources: only {', '.join(pairs)} hold preference pairs"])
        if pairs and self.packing != "none":
            raise ConfigError(
                [f"preference pairs cannot be packed: data.packing={self.packing} must be none"]
            )

    def _given(self) -> Mapping[str, Any]:
        """The arguments that the config gives to the mixer."""
        return self.mix.keywords if isinstance(self.mix, functools.partial) else {}

    def _check_quota(self, weights: Mapping[str, int], global_batch: int | None) -> list[str]:
        problems = []
        if self.packing != "cut" or self.mix_unit != "row":
            problems.append(
                "mix.weights count rows as tokens, so rows must be full: data.packing="
                f"{self.packing} and mix_unit={self.mix_unit} must be cut and row"
            )
        block = sum(weights.values())
        if global_batch is not None and global_batch % block:
            below, above = global_batch // block * block, -(-global_batch // block) * block
            nearest = f"{below} or {above}" if below else f"{above}"
            problems.append(
                f"stage.global_batch={global_batch} is not a multiple of the {block} rows of "
                f"mix.weights {':'.join(map(str, weights.values()))}; use {nearest}"
            )
        return problems
