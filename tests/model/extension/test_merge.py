"""Longer tokenizers: the base's ids stay, new entries are used, SentencePiece agrees."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sentencepiece import SentencePieceProcessor
from transformers import PreTrainedTokenizerFast

from medllm.model.extension import measure
from medllm.model.extension.core import core_of
from medllm.model.vocabulary import Published
from tests.model.extension.longer import ends, longer


@pytest.fixture(scope="module")
def extended(base, tmp_path_factory):
    return longer(base, tmp_path_factory.mktemp("extended"))


def test_ids_and_special_tokens_of_the_base_stay(tokenizer, extended):
    assert len(extended) == 332
    after = extended.get_vocab()
    assert {token: after[token] for token in tokenizer.get_vocab()} == tokenizer.get_vocab()
    assert extended.all_special_tokens == tokenizer.all_special_tokens
    assert extended.chat_template == tokenizer.chat_template
    assert extended("<|end|>")["input_ids"] == tokenizer("<|end|>")["input_ids"] == [2]


def test_new_entries_are_used(tokenizer, extended):
    ids = extended("咳嗽, feverish")["input_ids"]
    assert len(ids) < len(tokenizer("咳嗽, feverish")["input_ids"])
    assert max(ids) >= 320
    assert extended.decode(ids) == "咳嗽, feverish"


@pytest.fixture(scope="module")
def cores(base, extended):
    return core_of(base), core_of(extended)


@given(text=st.text(st.sampled_from("发热咳嗽头痛fevrish ,。é\n") | st.characters(codec="utf-8")))
def test_text_is_cut_as_before_and_then_merged_further(cores, extended, text):
    before, after = cores
    assert ends(after, text) <= ends(before, text)
    assert extended.decode(after.cutter.encode(text, add_special_tokens=False).ids) == text


def test_entries_come_after_what_was_added_to_the_base(letters, tmp_path):
    base = PreTrainedTokenizerFast(tokenizer_object=letters.backend_tokenizer, eos_token="<end>")
    base.add_tokens(["<more>"])
    assert base.convert_tokens_to_ids("<more>") == 257
    after = longer(base, tmp_path, texts=["ab ab"], new=1)
    assert after("<more>ab<end>")["input_ids"] == [257, 258, 0]


@pytest.mark.data
@pytest.mark.parametrize("size", [700, 4000])
def test_sentencepiece_cuts_chinese_into_the_same_ids(pieces, tmp_path, toyhom, size):
    """With 188 new entries there are characters without one, which both spell."""
    after = longer(pieces, tmp_path, texts=toyhom[:600], new=size - 512, coverage=0.9995)
    assert len(after) == size
    assert measure.disagreements(tmp_path, toyhom[600:800]) == 0
    ids = after(toyhom[700], add_special_tokens=False)["input_ids"]
    assert after.decode(ids) == toyhom[700]


@pytest.mark.data
def test_sentencepiece_knows_what_was_added_to_the_base(pieces, tmp_path, toyhom):
    pieces.add_special_tokens({"pad_token": "<pad>"})
    pieces.add_tokens(["<more>"])
    longer(pieces, tmp_path, texts=toyhom[:200], new=100)
    model = SentencePieceProcessor(model_file=str(tmp_path / "tokenizer.model"))
    assert [model.id_to_piece(number) for number in (512, 513)] == ["<pad>", "<more>"]
    assert model.is_control(512)
    assert model.get_piece_size() == 614
    assert measure.disagreements(tmp_path, toyhom[200:300]) == 0


@pytest.mark.data
def test_a_unigram_model_is_made_longer_too(shared_data, tmp_path, toyhom):
    """The two libraries add scores up in other precisions, so a tie may fall either way."""
    base = Published(path=str(shared_data / "tokenizer/chinese_llama/chinese_sp.model")).tokenizer()
    after = longer(base, tmp_path, texts=toyhom[:1500], new=1000, coverage=0.9995)
    core, old = core_of(after), core_of(base)
    assert len(core.tokens) == 21000
    assert measure.disagreements(tmp_path, toyhom[1500:1700]) <= 1
    before, now = (measure.compression(toyhom[1500:1700], each) for each in (old, core))
    assert now["tokens"] < 0.9 * before["tokens"]
    assert all(ends(core, text) <= ends(old, text) for text in toyhom[1500:1700])
