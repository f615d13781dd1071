import numpy as np
import pytest
from tokenizers import Tokenizer, decoders, models
from transformers import PreTrainedTokenizerFast

from medllm.data.dedup.characters import starts_character


def test_a_byte_inside_a_character_does_not_start_one(tokenizer):
    """癌 is E7 99 8C in UTF-8 and not among the merges of the tiny tokenizer."""
    starts = starts_character(tokenizer)
    ids = tokenizer.encode("a癌", add_special_tokens=False)
    assert tokenizer.convert_ids_to_tokens(ids) == ["a", "ç", "Ļ", "Į"]
    assert starts[ids].tolist() == [True, True, False, False]
    assert np.count_nonzero(~starts) >= 64
    assert starts[tokenizer.all_special_ids].all()


def test_bytes_of_last_resort_are_known():
    vocabulary = {"<0xE7>": 0, "<0x99>": 1, "<0x8C>": 2, "药": 3, "¡": 4}
    core = Tokenizer(models.BPE(vocabulary, [], byte_fallback=True))
    core.decoder = decoders.Sequence([decoders.ByteFallback(), decoders.Fuse()])
    starts = starts_character(PreTrainedTokenizerFast(tokenizer_object=core))
    assert starts.tolist() == [True, False, False, True, True]


@pytest.mark.data
def test_cuts_before_starts_decode_without_a_gap(shared_data):
    """Every token of a real vocabulary, behind a character that it might go on."""
    tokenizer = PreTrainedTokenizerFast.from_pretrained(shared_data / "tokenizer/minimind")
    text = "龘𠀀患者主诉头痛。鱻"
    ids = np.array(tokenizer.encode(text, add_special_tokens=False))
    borders = np.flatnonzero(starts_character(tokenizer)[ids])
    pieces = [tokenizer.decode(piece) for piece in np.split(ids, borders[1:])]
    assert "".join(pieces) == text
    assert len(ids) > len(borders)
