"""Reading running text: against transformers' own loss, and packed against separate."""

import numpy as np
import pytest
import torch

from medllm.data import pack
from medllm.data.tokenise import tokenise
from medllm.stage.cpt import ContinuedPretraining
from medllm.types import IGNORE, Batch, Document
from tests.conftest import TEXT, tiny_llama
from tests.stage import lessons


def cpt():
    return lessons.sft(kind=ContinuedPretraining)


def assert_close(ours, expected):
    """Loss to 1e-5 relative; gradients to 1e-5 of the largest of each matrix."""
    assert ours[0] == pytest.approx(expected[0], rel=1e-5)
    for name, grad in ours[1].items():
        scale = float(expected[1][name].abs().max())
        torch.testing.assert_close(grad, expected[1][name], rtol=1e-5, atol=1e-5 * scale, msg=name)


def test_the_loss_of_one_document_equals_transformers_own(tokenizer):
    tokens = tokenise(Document("d", TEXT[0]), tokenizer)
    network = tiny_llama()
    ids = torch.from_numpy(tokens.ids).long()[None]
    loss = network(input_ids=ids, labels=ids).loss
    loss.backward()
    expected = loss.item(), {name: p.grad for name, p in network.named_parameters()}
    assert_close(lessons.learn(cpt(), lessons.batch([tokens])), expected)


def packed(pieces, *, fill=0):
    """One row of all pieces end to end, and `fill` positions of padding."""
    row = pack.joined([pack.Row(t.ids, t.targets, np.arange(len(t.ids))) for t in pieces])
    ids, targets, positions = (torch.from_numpy(np.array(part)).long()[None] for part in row)
    nothing = torch.zeros(1, fill, dtype=torch.long)
    return Batch(
        torch.cat([ids, nothing], 1),
        torch.cat([targets, nothing + IGNORE], 1),
        torch.cat([positions, torch.arange(fill)[None]], 1),
        torch.cat([ids * 0, nothing - 1], 1),
        torch.arange(1),
        int((targets != IGNORE).sum()),
    )


@pytest.mark.parametrize("fill", [0, 5])
@pytest.mark.parametrize("checkpointing", [False, True])
def test_packed_documents_learn_as_if_they_stood_alone(tokenizer, fill, checkpointing):
    pieces = [tokenise(Document("d", text), tokenizer) for text in (*TEXT, "A cough.")]
    learnt = sum(int((t.targets != IGNORE).sum()) for t in pieces)
    alone = [lessons.learn(cpt(), lessons.batch([t], learnt=learnt)) for t in pieces]
    loss = sum(loss for loss, _ in alone)
    grads = {name: sum(g[name] for _, g in alone) for name in alone[0][1]}
    together = cpt()
    together.configure_model()
    if checkpointing:
        together.network.gradient_checkpointing_enable({"use_reentrant": False})
    assert_close(lessons.learn(together, packed(pieces, fill=fill)), (loss, grads))


def test_a_packed_row_without_restarting_positions_would_differ(tokenizer):
    """So that the test above can fail: the seams are what makes it true."""
    pieces = [tokenise(Document("d", text), tokenizer) for text in TEXT]
    seamed = packed(pieces)
    blurred = seamed._replace(positions=torch.arange(seamed.ids.shape[1])[None])
    one, other = (lessons.learn(cpt(), batch)[0] for batch in (seamed, blurred))
    assert one != pytest.approx(other, rel=1e-5)


def test_padding_and_an_empty_row_change_nothing(tokenizer):
    tokens = tokenise(Document("d", TEXT[0]), tokenizer)
    narrow = lessons.batch([tokens])
    empty = tokens.__class__(tokens.ids[:0], tokens.targets[:0])
    with_empty = lessons.batch([tokens, empty])
    assert_close(lessons.learn(cpt(), with_empty), lessons.learn(cpt(), narrow))
