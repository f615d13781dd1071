"""Tokenizers: one trained here, for models that start from nothing."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from medllm.errors import DataError

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast

START, END, PAD = "<|start|>", "<|end|>", "<|pad|>"
ROLES = ("<|system|>", "<|user|>", "<|assistant|>")


@dataclass(frozen=True, kw_only=True)
class BytePairs:
    """A byte-level BPE tokenizer, to be trained on text files.

    files: text to learn from, one or more texts a line.
    size: entries, the 256 bytes and 6 special tokens included.
    """

    files: Sequence[str]
    size: int

    def train(self) -> "PreTrainedTokenizerFast":
        """The tokenizer; the same files give the same one.

        Raises:
            DataError: if a file is not there.
        """
        from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

        missing = [name for name in self.files if not Path(name).is_file()]
        if missing:
            raise DataError(f"no file {missing[0]} to train a tokenizer on; change model.start.vocabulary.files")
        tokenizer = Tokenizer(models.BPE())
        tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
        tokenizer.decoder = decoders.ByteLevel()
        trainer = trainers.BpeTrainer(
            vocab_size=self.size,
            special_tokens=[PAD, START, END, *ROLES],
            initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
            show_progress=False,
        )
        tokenizer.train(list(self.files), trainer)
        return _wrapped(tokenizer)


def _wrapped(tokenizer) -> "PreTrainedTokenizerFast":
    from transformers import PreTrainedTokenizerFast

    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        bos_token=START,
        eos_token=END,
        pad_token=PAD,
        extra_special_tokens=list(ROLES),
        clean_up_tokenization_spaces=False,
    )
