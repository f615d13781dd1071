"""Where the tokenizer of a model with fresh weights comes from: trained here, or published."""

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

    def tokenizer(self) -> "PreTrainedTokenizerFast":
        """The tokenizer; the same files give the same one.

        Raises:
            DataError: if a file is not there.
        """
        from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

        missing = [name for name in self.files if not Path(name).is_file()]
        if missing:
            raise DataError(
                f"no file {missing[0]} to train a tokenizer on; change model.start.vocabulary.files"
            )
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


@dataclass(frozen=True, kw_only=True)
class Published:
    """The tokenizer of another model.

    path: a Hugging Face folder, or id of the hub; never run with code of its own.
    """

    path: str

    def tokenizer(self) -> "PreTrainedTokenizerFast":
        """The tokenizer as published.

        Raises:
            DataError: if there is no such folder.
        """
        from transformers import AutoTokenizer

        if is_absent_folder(self.path):
            raise DataError(f"no folder {self.path}; change model.start.vocabulary.path")
        return AutoTokenizer.from_pretrained(self.path)


def is_absent_folder(path: str) -> bool:
    """Whether `path` can only be a folder, not an id of the hub, and is not there."""
    looks_like_one = path.startswith((".", "/")) or path.count("/") > 1
    return looks_like_one and not Path(path).is_dir()


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
