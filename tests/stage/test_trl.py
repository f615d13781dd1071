"""Our losses and gradients against TRL's own trainers, from the same words.

Each side tokenises, pads and scores for itself; float32, relative 1e-5.
"""

import pytest
import torch
from datasets import Dataset
from trl import DPOConfig, DPOTrainer, SFTConfig, SFTTrainer

from tests.conftest import tiny_llama
from tests.stage import lessons


def assert_same(ours, theirs, model):
    """Equal loss, and gradients equal to 1e-5 of the largest of each weight matrix."""
    loss, grads = ours
    assert loss == pytest.approx(theirs.item(), rel=1e-5)
    theirs.backward()
    expected = {name: p.grad for name, p in model.named_parameters()}
    assert grads.keys() == expected.keys()
    for name, grad in grads.items():
        scale = float(expected[name].abs().max())
        assert scale > 0, name
        torch.testing.assert_close(grad, expected[name], rtol=1e-5, atol=1e-5 * scale, msg=name)


def settings(kind, folder, **more):
    return kind(
        str(folder), report_to="none", use_cpu=True, bf16=False, gradient_checkpointing=False,
        max_length=None, **more,
    )  # fmt: skip


def said(role, text):
    return [{"role": role, "content": text}]


def their_sft(folder, tokenizer):
    """TRL's trainer, and its batch of the talk."""
    records = [{"messages": said("user", q) + said("assistant", a)} for q, a in lessons.TALK]
    theirs = SFTTrainer(
        tiny_llama(),
        args=settings(SFTConfig, folder, assistant_only_loss=True),
        train_dataset=Dataset.from_list(records),
        processing_class=tokenizer,
    )
    inputs = theirs.data_collator(list(theirs.train_dataset))
    return theirs, inputs


def test_sft_equals_trl(tmp_path, tokenizer):
    theirs, inputs = their_sft(tmp_path, tokenizer)
    ours = lessons.learn(lessons.sft(), lessons.talk(tokenizer))
    assert_same(ours, theirs.compute_loss(theirs.model, inputs), theirs.model)


def test_sft_of_a_part_of_the_step_equals_trl_with_its_number_of_items(tmp_path, tokenizer):
    """Both divide by the learnt tokens of the whole step, here said to be 100."""
    theirs, inputs = their_sft(tmp_path, tokenizer)
    batch = lessons.talk(tokenizer)._replace(learnt=100)
    loss = theirs.compute_loss(theirs.model, inputs, num_items_in_batch=100)
    assert_same(lessons.learn(lessons.sft(), batch), loss, theirs.model)


@pytest.mark.parametrize("loss", ["sigmoid", "ipo"])
def test_preference_losses_equal_trl(tmp_path, tokenizer, loss):
    ours, theirs = both(tmp_path, tokenizer, lessons.JUDGED, loss=loss, their_loss=loss)
    compare(ours, theirs, lessons.pairs(tokenizer))


def test_smoothed_dpo_equals_trl(tmp_path, tokenizer):
    """TRL 1.16 smooths only losses of its own; for one pair its `aot` is smoothed DPO."""
    one = lessons.JUDGED[1:2]
    ours, theirs = both(
        tmp_path, tokenizer, one, loss="sigmoid", their_loss="aot", label_smoothing=0.2
    )
    compare(ours, theirs, lessons.pairs(tokenizer, judged=one))


def both(folder, tokenizer, judged, *, loss, their_loss, label_smoothing=0.0):
    """Stages of ours and of TRL's that have moved: weights of seed 0, reference of seed 1."""
    records = [
        {
            "prompt": said("user", q),
            "chosen": said("assistant", g),
            "rejected": said("assistant", b),
        }
        for q, g, b in judged
    ]
    theirs = DPOTrainer(
        tiny_llama(),
        ref_model=tiny_llama(1),
        args=settings(
            DPOConfig, folder, loss_type=[their_loss], beta=0.3, label_smoothing=label_smoothing
        ),
        train_dataset=Dataset.from_list(records),
        processing_class=tokenizer,
    )
    science = {"loss": loss, "beta": 0.3, "label_smoothing": label_smoothing}
    ours = lessons.dpo(tiny_llama, reference="stored", **science)
    before = lessons.dpo(lambda: tiny_llama(1), reference="stored", **science)
    before.trainer = lessons.trainer(1)
    before.configure_model()
    ours.stored = before._scored([lessons.pairs(tokenizer, judged=judged)])
    return ours, theirs


def compare(ours, theirs, batch):
    inputs = theirs.data_collator(list(theirs.train_dataset))
    loss = theirs._compute_loss(theirs.model, inputs, return_outputs=False)
    assert_same(lessons.learn(ours, batch), loss, theirs.model)
