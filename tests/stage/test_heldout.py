"""Bits per byte of held-out text."""

import numpy as np
import pytest
import torch

from medllm.data.heldout import chunks
from medllm.stage.heldout import batches, bits_per_byte, share
from medllm.types import IGNORE, Document
from tests.conftest import TEXT, VOCAB, tiny_llama

CPU = torch.device("cpu")


def test_bits_per_byte_of_a_model_that_knows_nothing():
    """All 320 tokens alike: log2(320) = 8.321928 bits for each of 3 + 1 predictions; 8 bytes."""
    network = tiny_llama().eval()
    network.lm_head.weight.data.zero_()
    texts = [(np.array([1, 9, 9, 9], np.int32), 6), (np.array([1, 9], np.int32), 2)]
    assert VOCAB == 320
    assert bits_per_byte(network, texts, CPU) == pytest.approx(8.321928 * 4 / 8, rel=1e-6)


def test_bits_per_byte_does_not_depend_on_what_is_scored_together(tokenizer):
    """40 pieces of many lengths, in batches of 16 or one by one."""
    network = tiny_llama().eval()
    texts = chunks([Document("d", " ".join(TEXT) * 9)], tokenizer, length=23)
    texts += chunks([Document("d", "a cough " * n) for n in range(1, 9)], tokenizer, length=64)
    assert len(texts) > 32
    single = sum(bits_per_byte(network, [text], CPU) * text[1] for text in texts)
    total = sum(count for _, count in texts)
    assert bits_per_byte(network, texts, CPU) == pytest.approx(single / total, rel=1e-5)


def test_long_pieces_are_scored_few_at_a_time():
    """4096 tokens at most: two of 2000, or sixteen of 3; a longer one alone."""
    pieces = [(np.ones(size, np.int32), 1) for size in (2000, 5000, *[3] * 17, 2000)]
    assert [tuple(batch.shape) for batch in batches(pieces)] == [
        (16, 3), (2, 2000), (1, 2000), (1, 5000),
    ]  # fmt: skip
    assert (batches(pieces)[1] == IGNORE).sum() == 2000 - 3


def test_every_rank_scores_as_many_batches_and_every_batch_counts_once():
    """5 batches on 3 ranks: 0 3, 1 4, 2 and the last again for company."""
    every = [torch.tensor(number) for number in range(5)]
    shares = [[(int(b), counts) for b, counts in share(every, rank, 3)] for rank in range(3)]
    assert shares == [[(0, True), (3, True)], [(1, True), (4, True)], [(2, True), (4, False)]]


def test_with_fewer_batches_than_ranks_the_others_keep_company():
    assert [share([torch.tensor(0)], rank, 3)[0][1] for rank in range(3)] == [True, False, False]
