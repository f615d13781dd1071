"""Packed against one by one: what differs, and what does not."""

import numpy as np
import pytest
from transformers import BloomConfig, BloomForCausalLM

from medllm.data import packed_loss
from medllm.data.drawn import Drawn
from medllm.types import IGNORE
from tests.conftest import VOCAB, tiny_llama
from tests.data import corpora
from tests.data.made import Made, of_one_piece


def llama():
    return tiny_llama().double().eval()


@pytest.fixture
def talk(tmp_path):
    return corpora.dialogues(tmp_path, "talk", [(f"{n}?", "no " * (n % 4 + 1)) for n in range(20)])


def test_a_packed_row_has_the_loss_of_its_examples(talk, tmp_path, tokenizer):
    made = Made(talk, tokenizer, tmp_path)
    rows = made.drawn()
    assert len(rows) < sum(len(row.begins) for row in rows) == 20
    assert packed_loss.packing_leaks(llama(), rows, tolerance=1e-9) == []


def test_a_row_of_a_plan_that_overlooks_a_seam_has_another_loss(tmp_path, tokenizer):
    """Its positions run on, so its second example sees the first."""
    books = corpora.documents(tmp_path, "books", ["the fever", "the doctor and a cough"])
    made = Made(books, tokenizer, tmp_path)
    made.stores["talk"] = of_one_piece(made.stores["talk"])
    (problem,) = packed_loss.packing_leaks(llama(), made.drawn()[:1], tolerance=1e-9)
    assert problem.startswith(
        "1 of 1 rows (0) have another loss packed than example by example, row 0 by "
    )


def test_a_family_that_does_not_heed_positions_leaks(talk, tmp_path, tokenizer):
    """BLOOM of transformers 5.23; should this test fail, the family has been mended."""
    config = BloomConfig(vocab_size=VOCAB, hidden_size=32, n_layer=2, n_head=4)
    rows = Made(talk, tokenizer, tmp_path).drawn()
    (problem,) = packed_loss.packing_leaks(
        BloomForCausalLM(config).double().eval(), rows, tolerance=1e-9
    )
    assert f"of {len(rows)} rows" in problem
    assert problem.endswith("its examples see each other, or a target lies across their seam")


def row_of_two(targets):
    """Two examples of three tokens, and two of padding."""
    no = IGNORE
    ids, positions = [7, 8, 9, 17, 18, 19, 0, 0], [0, 1, 2, 0, 1, 2, 0, 1]
    sources, targets = [0] * 6 + [-1] * 2, [*targets, no, no]
    arrays = (np.array(array) for array in (ids, targets, positions, sources, [0, 3]))
    return Drawn(4, *arrays)


@pytest.mark.parametrize(
    ("targets", "at"),
    [
        ([8, 9, 17, 18, 19, IGNORE], 2),  # across the seam
        ([8, 9, IGNORE, 19, 19, IGNORE], 3),  # not the token that follows
    ],
)
def test_a_wrong_target_is_another_loss(targets, at):
    (problem,) = packed_loss.packing_leaks(llama(), [row_of_two(targets)], tolerance=1e-9)
    assert "row 4 by " in problem
    assert f" nats at token {at}:" in problem


def test_losses_are_compared_up_to_a_window_whatever_follows(monkeypatch):
    """The window ends within an example: what its last token should say is not seen."""
    monkeypatch.setattr(packed_loss, "WINDOW", 5)
    right = row_of_two([8, 9, IGNORE, 18, 19, IGNORE])
    packed, single = packed_loss.losses(llama(), right)
    assert packed == pytest.approx(single, abs=1e-12)
    assert (packed > 0).tolist() == [True, True, False, True, False]


def test_ids_beyond_a_small_vocabulary_start_again():
    """320 entries: 327 is read as 7."""
    right = row_of_two([8, 9, IGNORE, 18, 19, IGNORE])
    far = right._replace(
        ids=right.ids + VOCAB, targets=np.where(right.targets < 0, IGNORE, right.targets + VOCAB)
    )
    assert (
        packed_loss.losses(llama(), far)[0].tolist()
        == packed_loss.losses(llama(), right)[0].tolist()
    )
