"""Tokenizers to be made longer, and text to learn from."""

import csv

import pytest
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import AutoTokenizer, PreTrainedTokenizerFast

from tests.conftest import tiny_tokenizer


@pytest.fixture(scope="module")
def base():
    return tiny_tokenizer()


@pytest.fixture
def pieces(shared_data):
    """512 pieces of SentencePiece's BPE, with bytes for what they lack."""
    return AutoTokenizer.from_pretrained(shared_data / "tokenizer/tiny_lm_aidreams260k/hf")


@pytest.fixture(scope="module")
def minimind(shared_data):
    return AutoTokenizer.from_pretrained(shared_data / "tokenizer/minimind")


@pytest.fixture(scope="module")
def toyhom(shared_data):
    """Questions to doctors and their answers."""
    with open(shared_data / "dialogue/toyhom/内科.csv", encoding="gb18030", newline="") as rows:
        return [row["ask"] + row["answer"] for row in csv.DictReader(rows)]


@pytest.fixture(scope="module")
def letters():
    """Every byte is a token and nothing is merged yet."""
    core = Tokenizer(models.BPE())
    core.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    core.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    core.train_from_iterator(
        [], trainers.BpeTrainer(initial_alphabet=alphabet, special_tokens=["<end>"],
                                show_progress=False)
    )  # fmt: skip
    return PreTrainedTokenizerFast(tokenizer_object=core, eos_token="<end>")
