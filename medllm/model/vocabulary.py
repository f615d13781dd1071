"""Where the tokenizer of a model with fresh weights comes from: trained here, or published."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

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

    path: a Hugging Face folder, or id of the hub; never run with code of its own. Or
        SentencePiece's own file of a Unigram model, *.model.
    """

    path: str

    def tokenizer(self) -> "PreTrainedTokenizerFast":
        """The tokenizer as published.

        Raises:
            DataError: if there is no such folder or file.
        """
        from transformers import AutoTokenizer

        if self.path.endswith(".model"):
            return _of_sentencepiece(Path(self.path))
        if is_absent_folder(self.path):
            raise DataError(f"no folder {self.path}; change model.start.vocabulary.path")
        return AutoTokenizer.from_pretrained(self.path)


def is_absent_folder(path: str) -> bool:
    """Whether `path` can only be a folder, not an id of the hub, and is not there."""
    looks_like_one = path.startswith((".", "/")) or path.count("/") > 1
    return looks_like_one and not Path(path).is_dir()


def _of_sentencepiece(file: Path) -> "PreTrainedTokenizerFast":
    """A Unigram model, which transformers 5.23 by itself takes for Llama's BPE or for T5's.

    Raises:
        DataError: there is no file, or it holds BPE.
    """
    from sentencepiece import sentencepiece_model_pb2
    from transformers import PreTrainedTokenizerFast
    from transformers.convert_slow_tokenizer import SpmConverter

    if not file.is_file():
        raise DataError(f"no file {file}; change model.start.vocabulary.path")
    protocol: Any = sentencepiece_model_pb2  # its classes are made as it is imported
    said = protocol.ModelProto.FromString(file.read_bytes())
    if said.trainer_spec.model_type != said.trainer_spec.UNIGRAM:
        raise DataError(
            f"{file} is no Unigram model; name it tokenizer.model and give its folder, with a "
            "tokenizer_config.json, as model.start.vocabulary.path"
        )
    old = SimpleNamespace(
        vocab_file=str(file), add_prefix_space=said.normalizer_spec.add_dummy_prefix, legacy=True
    )
    names = ("bos", "eos", "unk", "pad")
    special = {
        f"{name}_token": getattr(said.trainer_spec, f"{name}_piece")
        for name in names
        if getattr(said.trainer_spec, f"{name}_id") >= 0
    }
    return PreTrainedTokenizerFast(
        tokenizer_object=SpmConverter(old).converted(), vocab_file=str(file), **special
    )


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
