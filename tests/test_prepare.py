"""`medllm prepare`: stores and nothing else."""

import json

import pytest

from tests.verbs import Places, times

CPT = ("experiments=world/cpt", "world=tiny", "model/start=world_s", "previous=none")


@pytest.fixture(scope="module")
def places(tmp_path_factory):
    return Places(tmp_path_factory.mktemp("prepare"))


def test_stores_are_made_and_listed_and_nothing_is_trained(places, capsys):
    """20 chapters, 10 papers, 40 general texts."""
    assert places.medllm("prepare", *CPT) == 0
    said = capsys.readouterr().out
    made = sorted(file.parent for file in places.stores.glob("rows/*/manifest.json"))
    assert [store.name.split("-")[0] for store in made] == ["books", "general", "papers"]
    counts = [json.loads((store / "manifest.json").read_text())["examples"] for store in made]
    assert counts == [20, 40, 10]
    for word in ("books", "papers", "general", "examples"):
        assert word in said
    assert list(places.runs.rglob("*")) == []


def test_a_second_time_nothing_is_made(places):
    places.medllm("prepare", *CPT)
    before = times(places.stores)
    assert places.medllm("prepare", *CPT) == 0
    assert times(places.stores) == before


def test_training_uses_what_was_prepared(places):
    places.medllm("prepare", *CPT)
    before = times(places.stores)
    assert places.medllm("train", *CPT, "stage.epochs=1", "tracker.mode=disabled") == 0
    assert times(places.stores) == before
    (run_dir,) = places.folders("world/cpt")
    assert (run_dir / "done.json").exists()
