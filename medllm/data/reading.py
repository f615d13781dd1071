"""The examples of a source into Tokens, one by one, with the books kept.

What a tokenizer cannot use joins what could not be read in the same quarantine.
"""

from collections.abc import Iterator, Sequence
from typing import Literal

from transformers import PreTrainedTokenizerFast

from medllm.data.source.read import Quarantine, Source
from medllm.data.tokenise import check_template, tokenise, tokenise_pair
from medllm.errors import ConfigError, DataError
from medllm.types import IGNORE, Document, Example, Preference, Question, Tokens

Packing = Literal["cut", "whole", "none"]


class Reading:
    """The Tokens of a source, counted while they are read; of a pair, chosen first."""

    def __init__(
        self, source: Source, tokenizer: PreTrainedTokenizerFast, *, seq_len: int, packing: Packing
    ) -> None:
        self.source, self.tokenizer = source, tokenizer
        self.seq_len, self.packing = seq_len, packing
        self.quarantine = Quarantine()
        self.kind: type[Example] | None = None
        self.examples = self.tokens = self.truncated = 0

    def __iter__(self) -> Iterator[Tokens]:
        for example in self.source.examples(self.quarantine):
            if isinstance(example, Question):
                raise DataError(
                    f"{example.id} is an exam question; to train on it, make it a lesson with "
                    "medllm.data.source.exam.conversation"
                )
            self._check_kind(example)
            try:
                made = self._tokens(example)
            except DataError as error:
                file, line = example.id.rsplit("/", 1)
                self.quarantine.add(file, int(line), str(error), example)
                continue
            self.examples += 1
            self.tokens += sum(len(tokens.ids) for tokens in made)
            yield from made

    def _tokens(self, example: Example) -> tuple[Tokens, ...]:
        if isinstance(example, Preference):
            made = tokenise_pair(example, self.tokenizer)
        else:
            made = (tokenise(example, self.tokenizer),)
        if self.packing == "cut":
            return made
        self._check_cut(made)
        self.truncated += any(len(tokens.ids) > self.seq_len for tokens in made)
        return tuple(Tokens(t.ids[: self.seq_len], t.targets[: self.seq_len]) for t in made)

    def _check_cut(self, made: Sequence[Tokens]) -> None:
        """That something is left to learn, and to prefer, once cut at `seq_len`."""
        # The target of the last position lies beyond the row.
        learnt = [(t.targets[: self.seq_len - 1] != IGNORE).any() for t in made]
        kept = {tuple(t.ids[: self.seq_len]) for t in made}
        if not all(learnt) or len(kept) < len(made):
            what = "nothing to learn" if not all(learnt) else "no difference between the replies"
            raise DataError(f"{what} within seq_len={self.seq_len} tokens")

    def _check_kind(self, example: Example) -> None:
        if self.kind is None:
            self._check_first(example)
        elif not isinstance(example, self.kind):
            raise DataError(
                f"{example.id} is a {type(example).__name__} in a source of {self.kind.__name__}s"
            )
        self.kind = type(example)

    def _check_first(self, example: Example) -> None:
        if not isinstance(example, Document):
            check_template(self.tokenizer)
        if isinstance(example, Preference) and self.packing != "none":
            raise ConfigError(
                [f"preference pairs cannot be packed: data.packing={self.packing} must be none"]
            )
