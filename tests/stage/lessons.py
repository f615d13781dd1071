"""Small real stages, batches and trainers, for the tests of stages."""

import tempfile

import numpy as np
import pytorch_lightning as pl
import torch
from torch.utils.data import DataLoader, IterableDataset

from medllm.data.tokenise import tokenise, tokenise_pair
from medllm.stage.dpo import PreferenceOptimisation
from medllm.stage.optimizer import AdamW
from medllm.stage.sft import SupervisedTuning
from medllm.types import IGNORE, Batch, Conversation, PairBatch, Preference, Turn
from tests.conftest import tiny_llama

TALK = [
    ("fever?", "rest"),
    ("a long cough and a fever?", "drink water, and rest"),
    ("pain?", "a drug"),
]
JUDGED = [
    ("fever?", "rest and drink", "no"),
    ("a cough?", "drug", "I do not know the patient"),
    ("pain?", "a drug", "run"),
]
STEADY = AdamW(
    learning_rate=1e-2, weight_decay=0.1, betas=[0.9, 0.95], warmup=0.0, schedule="constant",
    floor=1.0,
)  # fmt: skip


def sft(load=tiny_llama, *, kind=SupervisedTuning, steps=1, sources=("talk",), optimizer=STEADY):
    return kind(load, steps, sources, optimizer=optimizer, global_batch=3, epochs=1, clip=1e9)


def dpo(
    load, *, steps=1, loss="sigmoid", beta=0.1, label_smoothing=0.0, reference="adapter"
):  # fmt: skip
    return PreferenceOptimisation(
        load, steps, ["pairs"], optimizer=STEADY, global_batch=3, epochs=1, clip=1e9,
        beta=beta, loss=loss, label_smoothing=label_smoothing, reference=reference,
    )  # fmt: skip


def conversation(question, answer):
    return Conversation("c", (Turn("user", question), Turn("assistant", answer)))


def batch(tokens, *, learnt=None):
    """A right-padded Batch of Tokens, all of source 0."""
    ids, targets, positions, sources = padded(tokens)
    learnt = int((targets != IGNORE).sum()) if learnt is None else learnt
    return Batch(ids, targets, positions, sources, torch.arange(len(ids)), learnt)


def talk(tokenizer):
    return batch([tokenise(conversation(*exchange), tokenizer) for exchange in TALK])


def pairs(tokenizer, *, judged=JUDGED, empty=0):
    """A PairBatch of `judged`, followed by an empty pair if `empty` is 1."""
    both = [
        tokenise_pair(Preference("p", (Turn("user", question),), good, bad), tokenizer)
        for question, good, bad in judged
    ]
    ids, targets, _, _ = padded([chosen for chosen, _ in both] + [bad for _, bad in both])
    ids = torch.cat([rows for half in ids.chunk(2) for rows in (half, half[:1] * 0)[: 1 + empty]])
    nothing = torch.full_like(targets[:1], IGNORE)
    targets = torch.cat(
        [rows for half in targets.chunk(2) for rows in (half, nothing)[: 1 + empty]]
    )
    numbers = torch.tensor([*range(len(both)), *[-1] * empty])
    return PairBatch(ids, targets, numbers, numbers, len(both))


def padded(tokens):
    length = max(len(t.ids) for t in tokens)

    def rows(values, filler):
        out = torch.full((len(values), length), filler)
        for at, value in enumerate(values):
            out[at, : len(value)] = torch.from_numpy(np.asarray(value).copy()).long()
        return out

    sizes = [len(t.ids) for t in tokens]
    positions = torch.stack([torch.cat([torch.arange(s), torch.arange(length - s)]) for s in sizes])
    sources = rows([np.zeros(s) for s in sizes], -1)
    return (
        rows([t.ids for t in tokens], 0),
        rows([t.targets for t in tokens], IGNORE),
        positions,
        sources,
    )


def learn(stage, batch):
    """Loss and gradients of one batch, by name, through the stage's own training_step."""
    stage.trainer = trainer(1)
    stage.configure_model()
    loss = stage.training_step(batch, 0)
    loss.backward()
    grads = {
        name: p.grad.clone() for name, p in stage.network.named_parameters() if p.requires_grad
    }
    return loss.item(), grads


def trainer(steps, **more):
    return pl.Trainer(
        **{
            "accelerator": "cpu", "devices": 1, "max_steps": steps, "max_epochs": -1,
            "logger": False, "enable_checkpointing": False, "enable_progress_bar": False,
            "enable_model_summary": False, "use_distributed_sampler": False,
            "default_root_dir": tempfile.mkdtemp(), **more,
        }
    )  # fmt: skip


class Endless(IterableDataset):
    """The same batch again and again."""

    def __init__(self, batch, times):
        self.batch, self.times = batch, times

    def __len__(self):
        return self.times

    def __iter__(self):
        return iter([self.batch] * self.times)

    def once(self):
        return iter([self.batch])


def fit(stage, batch, **more):
    """Teach `stage` the same batch at each of its steps; the trainer."""
    made = trainer(stage.steps, **more)
    made.fit(stage, DataLoader(Endless(batch, stage.steps), batch_size=None))
    return made
