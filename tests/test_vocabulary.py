"""`medllm vocabulary`: a corpus read, entries learnt and measured, a folder that is whole."""

import json
import re

import pytest
import torch
from transformers import AutoTokenizer

from medllm import config
from medllm.data.heldout import chunks
from medllm.model.extension import merge
from medllm.model.extension.learn import learn
from medllm.model.load import Extended, Pretrained
from medllm.stage.heldout import bits_per_byte
from medllm.types import Document
from tests.conftest import tiny_llama, tiny_tokenizer
from tests.verbs import Places, times

CORPUS = ("world=tiny", "+data/source@corpus.books=world_textbook")
HELDOUT = ("+data/source@heldout.exam=world_exam", "heldout.exam.limit=20")


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A folder in which a run has left its model, of 320 entries and 256 positions."""
    places = Places(tmp_path_factory.mktemp("vocabulary"))
    for each in (tiny_llama(), tiny_tokenizer()):
        each.save_pretrained(places.runs / "base/export")
    return places


@pytest.fixture(scope="module")
def extension(trained):
    """What a first `medllm vocabulary` makes of it: its folder, and the report."""
    assert run(trained, "first", "size=384", *HELDOUT) == 0
    folder = trained.stores / "first"
    return folder, json.loads((folder / "report.json").read_text(encoding="utf-8"))


def run(places, name, *words):
    start = ("model=world_s", "model/start=previous", "previous=base")
    return places.medllm("vocabulary", *start, f"folder={places.stores / name}", *CORPUS, *words)


def test_a_folder_holds_the_longer_tokenizer(extension):
    folder, said = extension
    assert said["entries"] == {"before": 320, "after": 384}
    assert len(AutoTokenizer.from_pretrained(folder)) == 384
    assert len(json.loads((folder / "extension.json").read_text())["parts"]) == 64
    assert said["sentencepiece"]["differ"] is None
    assert len(said["new"]) == 40


def test_every_text_is_measured_before_and_after(extension):
    _, said = extension
    assert set(said["texts"]) == {"corpus.books", "heldout.exam"}
    for sides in said["texts"].values():
        before, after = sides["before"], sides["after"]
        assert before["bytes"] == after["bytes"]
        assert after["tokens"] < before["tokens"]
        assert after["tokens_per_character"] == after["tokens"] / after["characters"]
        assert after["bytes_per_token"] == after["bytes"] / after["tokens"]


def test_bits_per_byte_are_those_of_a_model_that_knows_nothing(extension):
    """Of V entries, all as likely, each costs log2 V bits: log2 320 = 8.32, log2 384 = 8.58.

    That holds to a tenth, as small random weights are near to knowing nothing.
    """
    _, said = extension
    sides = said["texts"]["heldout.exam"]
    assert "bits_per_byte" not in said["texts"]["corpus.books"]["before"]
    for side, bits in (("before", 8.32), ("after", 8.58)):
        expected = bits / sides[side]["bytes_per_token"]
        assert sides[side]["bits_per_byte"] == pytest.approx(expected, rel=0.1)


def test_what_is_there_is_not_made_again(trained, extension, capsys):
    folder, _ = extension
    before = times(folder)
    assert run(trained, "first", "size=384", *HELDOUT) == 0
    assert times(folder) == before
    words = capsys.readouterr().out
    assert re.search(r"entries +│ +320 │ +384 │", words)
    assert "bits per byte" in words
    assert f"model/start=extended model.start.folder={folder}" in words


def test_a_model_without_weights_has_no_bits_per_byte(trained, capsys):
    words = ("model=world_s", *CORPUS, *HELDOUT, "size=1560")
    assert trained.medllm("vocabulary", *words, f"folder={trained.stores / 'fresh'}") == 0
    said = capsys.readouterr().out
    assert re.search(r"entries +│ +1,536 │ +1,560 │", said)
    assert "bits per byte" not in said


@pytest.mark.parametrize(
    ("words", "refusal"),
    [
        (("size=320",), r"size=320 is not above the 320 entries of the base"),
        (("size=many",), r"learn.size='many' is text, not a whole number"),
        (("size=90000",), r"only \d+ of 89680 new entries stand min_count=2 times in the corpus"),
        (("size=384",), r"folder=.*/first was made with another heldout; name another folder"),
        (("size=400", *HELDOUT), r"folder=.*/first was made with another size; name another"),
    ],
)
def test_what_cannot_be_done_is_refused(trained, extension, capsys, words, refusal):
    folder, _ = extension
    before = times(folder)
    name = "first" if "folder" in refusal else "other"
    assert run(trained, name, *words) == 2
    assert re.search(refusal, capsys.readouterr().err)
    assert not (trained.stores / "other").exists()
    assert times(folder) == before


def test_a_folder_of_something_else_is_left_alone(trained, capsys):
    note = trained.stores / "mine/note.txt"
    note.parent.mkdir(parents=True)
    note.write_text("mine")
    assert run(trained, "mine", "size=384") == 2
    assert re.search(r"folder=.*/mine holds something else; name another", capsys.readouterr().err)
    assert note.read_text() == "mine"


def test_a_corpus_is_asked_for(trained, capsys):
    words = ("model=world_s", "world=tiny", "size=1600", "folder=x")
    assert trained.medllm("vocabulary", *words) == 2
    said = capsys.readouterr().err
    assert "corpus names no source; add +data/source@corpus.NAME=CHOICE" in said


def test_a_run_may_start_from_the_extension(trained, extension):
    """Composed as `medllm train` would, and made."""
    folder, _ = extension
    cfg = config.compose(
        "train",
        [
            "experiments=world/base",
            "model/start=extended",
            f"model.start.base.path={trained.runs / 'base/export'}",
            f"model.start.folder={folder}",
        ],
    )
    config.check(cfg, "train")
    model = config.instantiate(cfg.model)
    network = model.network(model.tokenizer(), seed=0)
    assert network.get_input_embeddings().weight.shape[0] == 384


@pytest.mark.data
def test_means_of_parts_know_more_than_the_mean_of_all(shared_data, tmp_path):
    """A real model of 231 k weights on English it was not made for: 4.4 and 4.9 bits per byte."""
    path = str(shared_data / "tokenizer/tiny_lm_aidreams260k/hf")
    start = Pretrained(path=path, revision=None)
    short = start.tokenizer()
    file = shared_data / "text/general/en_c4/c4_demo.jsonl"
    texts = [json.loads(line)["text"] for line in file.read_text(encoding="utf-8").splitlines()]
    merge.write(
        short, learn(texts[60:], short, size=768, min_count=2, longest=16, coverage=1.0), tmp_path
    )
    bits = {}
    for mean_of in ("parts", "all"):
        longer = Extended(base=start, folder=str(tmp_path), mean_of=mean_of)
        tokenizer = longer.tokenizer()
        network = longer.network(tokenizer, seed=0).eval()
        pieces = chunks([Document("", text) for text in texts[:10]], tokenizer, length=128)
        bits[mean_of] = bits_per_byte(network, pieces, torch.device("cpu"))
    assert bits["parts"] < bits["all"] - 0.3
