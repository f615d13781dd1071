"""Tokens made legible, whatever they are pieces of."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import Tokenizer, decoders, models, normalizers
from transformers import PreTrainedTokenizerFast

from medllm.report.characters import Spelling, characters, legible
from tests.conftest import tiny_tokenizer

TINY = tiny_tokenizer()
SPELLING = Spelling(TINY)


def read(text):
    """The groups in which a text's tokens are shown."""
    ids = TINY(text, add_special_tokens=False)["input_ids"]
    return list(characters(SPELLING.bytes_of(ids)))


def test_tokens_that_share_a_character_are_shown_as_that_character():
    """龘 is in no merge: three bytes, three tokens."""
    assert read("龘") == [(3, "龘")]


@given(st.text())
def test_every_text_reads_as_it_is(text):
    assert "".join(shown for _, shown in read(text)) == legible(text.encode())


@given(st.lists(st.binary(min_size=1, max_size=4)))
def test_every_token_is_shown_once_and_no_character_is_noise(spelt):
    shown = list(characters(spelt))
    assert sum(count for count, _ in shown) == len(spelt)
    assert "\ufffd" not in "".join(text for _, text in shown)


def test_a_character_that_a_row_cuts_is_shown_as_its_bytes():
    """患 is E6 82 A3; its first byte is in the row before."""
    assert list(characters([b"\x82", b"\xa3", b"a"])) == [(1, r"\x82"), (1, r"\xa3"), (1, "a")]


def test_a_character_that_the_end_cuts_is_shown_as_its_bytes():
    assert list(characters([b"a", b"\xe6\x82"])) == [(1, "a"), (1, r"\xe6\x82")]


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a\nb\tc", "a↵\nb⇥\tc"),
        ("\x1b[31m", "‹U+001B›[31m"),  # a terminal would turn red
        ("\u202e", "‹U+202E›"),  # what follows would be written from right to left
        ("\ufffd", "‹U+FFFD›"),  # in the text itself
        ("发热 😀", "发热 😀"),
    ],
)
def test_what_has_no_shape_is_named(text, shown):
    assert legible(text.encode()) == shown


def sentencepiece():
    """Pieces with ▁ for a space, and bytes for what is in no piece."""
    pieces = ["<unk>", "<s>", "</s>", *(f"<0x{byte:02X}>" for byte in range(256)), "▁fever"]
    core = Tokenizer(
        models.BPE({piece: id for id, piece in enumerate(pieces)}, [], byte_fallback=True)
    )
    core.normalizer = normalizers.Replace(" ", "▁")
    core.decoder = decoders.Sequence([decoders.Replace("▁", " "), decoders.ByteFallback()])
    return PreTrainedTokenizerFast(tokenizer_object=core, bos_token="<s>", eos_token="</s>")


def test_sentencepiece_bytes_and_spaces_are_read_too():
    """患 is E6 82 A3: entries 3 + 0xE6, 3 + 0x82, 3 + 0xA3."""
    spelling = Spelling(sentencepiece())
    spelt = spelling.bytes_of([1, 259, 3 + 0xE6, 3 + 0x82, 3 + 0xA3])
    assert spelt == [b"<s>", b" fever", b"\xe6", b"\x82", b"\xa3"]
    assert spelling.special == {1, 2}


def test_a_word_added_to_a_byte_level_vocabulary_is_no_control_token():
    tokenizer = tiny_tokenizer()
    tokenizer.add_tokens(["阿司匹林"])
    spelling, added = Spelling(tokenizer), tokenizer.convert_tokens_to_ids("阿司匹林")
    assert spelling.bytes_of([added]) == ["阿司匹林".encode()]
    assert added not in spelling.special
    assert spelling.special == {0, 1, 2, 3, 4, 5}
