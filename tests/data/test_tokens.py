"""A corpus as tokens."""

import multiprocessing
import os
import signal

import numpy as np
import pytest

from medllm.data import gather, write_tokens
from medllm.data.build import corpus_of
from medllm.data.preparation import Preparation
from medllm.data.progress import Progress
from medllm.data.tokenise import tokenise, tokenise_all, tokenise_pair
from medllm.errors import DataError
from medllm.types import Conversation, Document, Preference, Turn
from tests.conftest import tiny_tokenizer
from tests.data import corpora


def corpus(source, folder):
    return corpus_of(
        source,
        name="x",
        folder=folder,
        preparation=Preparation(workers=1),
        progress=Progress(is_shown=False),
    )


def written(read, tokenizer, work):
    work.mkdir(exist_ok=True)
    return write_tokens.write(
        read, tokenizer, work, has_patient_data=False, advance=lambda characters: None
    )


def talk(id, *texts):
    roles = ("user", "assistant") * len(texts)
    return Conversation(id, tuple(Turn(r, t) for r, t in zip(roles, texts, strict=False)))


def test_many_at_once_are_what_they_are_one_by_one(tokenizer):
    talks = [talk("a/1", "疼吗", "不疼"), talk("a/2", "why?", "so", "and then?", "then 休息")]
    for example, (made,) in zip(talks, tokenise_all(talks, tokenizer), strict=True):
        alone = tokenise(example, tokenizer)
        assert made.ids.tolist() == alone.ids.tolist()
        assert made.targets.tolist() == alone.targets.tolist()
    pair = Preference("p/1", (Turn("user", "why?"),), "so", "no")
    (both,) = tokenise_all([pair], tokenizer)
    assert [t.ids.tolist() for t in both] == [
        t.ids.tolist() for t in tokenise_pair(pair, tokenizer)
    ]


def test_one_that_cannot_be_used_does_not_spoil_the_others(tokenizer):
    made = tokenise_all([talk("a/1", "q<|end|>", "a"), talk("a/2", "q", "a")], tokenizer)
    assert isinstance(made[0], DataError)
    assert made[1][0].ids.tolist() == tokenise(talk("a/2", "q", "a"), tokenizer).ids.tolist()


def test_a_document_spells_a_control_token_letter_by_letter(tokenizer):
    ((made,),) = tokenise_all([Document("a/1", "x<|end|>")], tokenizer)
    assert made.ids.tolist().count(tokenizer.eos_token_id) == 1
    assert tokenizer.decode(made.ids[1:-1]) == "x<|end|>"


def _until_killed(read, work, count):
    """Tokenise, and die in the middle of part `count`."""

    def advance(characters):
        if len(list(work.glob("0*.npz"))) == count:
            os.kill(os.getpid(), signal.SIGKILL)

    work.mkdir(exist_ok=True)
    write_tokens.write(read, tiny_tokenizer(), work, has_patient_data=False, advance=advance)


@pytest.mark.parametrize("count", [0, 2])
def test_a_killed_tokenising_goes_on_after_the_last_whole_part(
    tmp_path, tokenizer, monkeypatch, count
):
    monkeypatch.setattr(gather, "BATCH", 500)
    monkeypatch.setattr(gather, "PART", 2000)
    source = corpora.documents(tmp_path, "many", [f"text {number} " * 9 for number in range(99)])
    read = corpus(source, tmp_path)
    expected = written(read, tokenizer, tmp_path / "whole")
    process = multiprocessing.get_context("fork").Process(
        target=_until_killed, args=(read, tmp_path / "killed", count)
    )
    process.start()
    process.join()
    assert process.exitcode == -signal.SIGKILL
    assert len(list((tmp_path / "killed").glob("0*.ids"))) == count + 1
    assert written(read, tokenizer, tmp_path / "killed") == expected
    for name in ("ids.bin", "learnt.bin", "offsets.npy", "numbers.npy"):
        assert (tmp_path / "killed" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()


def test_every_example_is_stored_as_it_is_tokenised(tmp_path, tokenizer):
    source = corpora.dialogues(tmp_path, "talk", [("why?", "so"), ("q<|end|>", "a"), ("疼", "是")])
    read = corpus(source, tmp_path)
    books = written(read, tokenizer, tmp_path / "tokens")
    assert (books["examples"], books["sequences"]) == (2, 2)
    offsets, numbers = (np.load(tmp_path / f"tokens/{name}.npy") for name in ("offsets", "numbers"))
    ids = np.fromfile(tmp_path / "tokens/ids.bin", np.uint16)
    learnt = np.fromfile(tmp_path / "tokens/learnt.bin", np.uint8)
    assert numbers.tolist() == [0, 2]
    for at, number in enumerate(numbers):
        expected = tokenise(read.example(number), tokenizer)
        where = slice(offsets[at], offsets[at + 1])
        assert ids[where].tolist() == expected.ids.tolist()
        assert learnt[where][1:].tolist() == (expected.targets[:-1] >= 0).tolist()


def test_a_kill_while_the_parts_are_deleted_is_mended(tmp_path, tokenizer):
    read = corpus(corpora.documents(tmp_path, "x", ["one", "two", "three"]), tmp_path)
    expected = written(read, tokenizer, tmp_path / "whole")
    written(read, tokenizer, tmp_path / "killed")
    (tmp_path / "killed/00000-00000.ids").write_bytes(b"x")  # what counts a part goes first
    assert written(read, tokenizer, tmp_path / "killed") == expected
    whole, killed = (tmp_path / name / "ids.bin" for name in ("whole", "killed"))
    assert killed.read_bytes() == whole.read_bytes()
