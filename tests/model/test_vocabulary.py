"""SentencePiece's own file as a tokenizer."""

import shutil

import pytest
from sentencepiece import SentencePieceProcessor

from medllm.errors import DataError
from medllm.model.vocabulary import Published

TEXTS = ["患者发热咳嗽，医生给患者开药。", "Hello world  two ☃ 𠮷\n x １２", " "]


@pytest.mark.data
def test_a_bare_unigram_file_cuts_as_sentencepiece_does(shared_data):
    """Transformers by itself takes it for Llama's and loses the comma."""
    file = str(shared_data / "tokenizer/chinese_llama/chinese_sp.model")
    tokenizer = Published(path=file).tokenizer()
    pieces = SentencePieceProcessor(model_file=file)
    for text in TEXTS:
        assert tokenizer.encode(text, add_special_tokens=False) == pieces.encode(text)
    assert (tokenizer.bos_token, tokenizer.eos_token, tokenizer.pad_token) == ("<s>", "</s>", None)


@pytest.mark.data
def test_a_bare_file_of_another_kind_is_refused(shared_data, tmp_path):
    file = shared_data / "tokenizer/tiny_lm_aidreams260k/hf/tokenizer.model"
    shutil.copy(file, tmp_path)
    with pytest.raises(DataError, match=r"tokenizer.model is no Unigram model; name it tokenizer."):
        Published(path=str(tmp_path / "tokenizer.model")).tokenizer()


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(
        DataError, match=r"no file .*gone.model; change model.start.vocabulary.path"
    ):
        Published(path=str(tmp_path / "gone.model")).tokenizer()
