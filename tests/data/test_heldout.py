import numpy as np
import pytest

from medllm.data.heldout import chunks
from medllm.types import Document

CHINESE = "患者龘发热 and a cough 😀。"  # 龘 and 😀 are several tokens each


def bytes_of(texts, tokenizer, length):
    made = chunks([Document(f"d/{i}", t) for i, t in enumerate(texts)], tokenizer, length=length)
    return made, sum(chunk.bytes for chunk in made)


@pytest.mark.parametrize("length", [2, 3, 5, 64])
def test_every_byte_is_counted_once_however_the_text_is_cut(tokenizer, length):
    """5 Chinese characters of 3 bytes, ' and a cough ' 13, an emoji of 4 and a full stop of 3."""
    made, total = bytes_of([CHINESE], tokenizer, length)
    assert total == 5 * 3 + 13 + 4 + 3
    assert max(len(chunk.ids) for chunk in made) <= length


def test_pieces_hold_the_document_in_order(tokenizer):
    made, _ = bytes_of([CHINESE], tokenizer, 4)
    ids = np.concatenate([chunk.ids[1:] for chunk in made])
    assert all(chunk.ids[0] == tokenizer.bos_token_id for chunk in made)
    assert ids.tolist() == tokenizer(CHINESE, add_special_tokens=False)["input_ids"]


def test_without_a_begin_token_the_first_token_does_not_count(tokenizer):
    """'y' is one token of one byte, and nothing predicts it."""
    tokenizer.bos_token = None
    (chunk,), total = bytes_of(["yzx"], tokenizer, 64)
    assert (len(chunk.ids), total) == (3, 2)


def test_documents_do_not_share_a_chunk(tokenizer):
    made, total = bytes_of(["ab", "cde"], tokenizer, 64)
    assert [chunk.bytes for chunk in made] == [2, 3]
    assert total == 5


def test_an_empty_document_makes_no_chunk(tokenizer):
    assert bytes_of([""], tokenizer, 64) == ([], 0)


def test_a_control_token_in_the_text_is_text(tokenizer):
    (chunk,), total = bytes_of(["a<|end|>"], tokenizer, 64)
    assert total == 8
    assert tokenizer.eos_token_id not in chunk.ids
