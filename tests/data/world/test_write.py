"""The world's files: made from three numbers, made once, made again when they are not whole."""

import json
import logging
import resource

import pytest

from medllm.data.world.write import write
from medllm.errors import ConfigError
from tests.data.world.conftest import NUMBERS, World


def test_the_same_seed_makes_the_same_bytes(world, tmp_path):
    again = World(write(folder=str(tmp_path / "again"), **NUMBERS))
    assert again.bytes() == world.bytes()


def test_another_seed_makes_other_names_and_texts(world, tmp_path):
    """870 names, 10 of them drawn twice: 0.1 are shared in the mean."""
    other = World(write(folder=str(tmp_path / "other"), **(NUMBERS | {"seed": 1})))
    assert len(set(other.diseases()) & set(world.diseases())) <= 2
    same = {name for name, content in other.bytes().items() if content == world.bytes()[name]}
    assert same == set()


def test_diseases_and_renderings_scale_it(world, tmp_path):
    """10 diseases twice; then 21 three times. Two diseases a paper, of 21 the last alone."""
    assert len(world.lines("textbook_zh.jsonl")) == 20
    assert len(world.lines("papers_en.jsonl")) == 10
    assert len(world.lines("general.jsonl")) == 40  # in two languages
    larger = World(write(folder=str(tmp_path / "larger"), seed=0, diseases=21, renderings=3))
    assert len(larger.diseases()) == 21
    assert len(larger.lines("textbook_zh.jsonl")) == 63
    assert len(larger.lines("papers_en.jsonl")) == 33
    assert len(larger.lines("elsewhere_textbook_zh.jsonl")) == 63
    assert len(larger.lines("general.jsonl")) == 126
    assert len(larger.lines("heldout_medical.jsonl")) == 21


def test_the_smallest_world_has_one_disease_taught_and_one_examined(tmp_path):
    world = World(write(folder=str(tmp_path / "smallest"), seed=3, diseases=2, renderings=1))
    assert len(world.named("exam_train.csv")) == 1
    assert len(world.named("exam_test.csv")) == 1
    assert world.table("general_exam_test.csv")


def test_the_largest_world_uses_every_name_once(tmp_path):
    """435 described and 435 elsewhere: all the 30 x 29 pairs of syllables."""
    world = World(write(folder=str(tmp_path / "largest"), seed=0, diseases=435, renderings=1))
    elsewhere = {record["title"] for record in world.lines("elsewhere_textbook_zh.jsonl")}
    assert len({*world.diseases(), *elsewhere}) == 870


def test_a_world_that_is_there_is_not_made_again(tmp_path):
    folder = write(folder=str(tmp_path / "world"), **NUMBERS)
    before = {file: file.stat().st_mtime_ns for file in folder.iterdir()}
    write(folder=str(folder), **NUMBERS)
    assert {file: file.stat().st_mtime_ns for file in folder.iterdir()} == before


def cut_in_half(folder):
    content = (folder / "textbook_zh.jsonl").read_bytes()
    (folder / "textbook_zh.jsonl").write_bytes(content[: len(content) // 2])


def made_by_older_code(folder):
    manifest = json.loads((folder / "manifest.json").read_text())
    manifest["generator"] = "0" * 16
    (folder / "manifest.json").write_text(json.dumps(manifest))


@pytest.mark.parametrize(
    "damage",
    [
        cut_in_half,
        made_by_older_code,
        lambda folder: (folder / "manifest.json").unlink(),
        lambda folder: (folder / "manifest.json").write_text("{"),
        lambda folder: (folder / "exam_test.csv").unlink(),
    ],
    ids=["file cut", "older code", "no manifest", "manifest cut", "file lost"],
)
def test_a_world_that_is_not_whole_is_made_again_and_says_so(damage, world, tmp_path, caplog):
    folder = write(folder=str(tmp_path / "world"), **NUMBERS)
    damage(folder)
    with caplog.at_level(logging.WARNING):
        write(folder=str(folder), **NUMBERS)
    assert World(folder).bytes() == world.bytes()
    assert "was made by other code or half-written: making it again" in caplog.text


def test_a_write_that_fails_leaves_nothing_that_counts_as_a_world(tmp_path, world):
    """The folder gets its name last; here no file may grow beyond 9,000 bytes."""
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (9000, limits[1]))
    try:
        with pytest.raises(OSError, match="File too large"):
            write(folder=str(tmp_path / "world"), **NUMBERS)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert list(tmp_path.iterdir()) == []
    assert World(write(folder=str(tmp_path / "world"), **NUMBERS)).bytes() == world.bytes()


def test_numbers_that_make_no_world_are_all_refused_at_once(tmp_path):
    with pytest.raises(ConfigError) as refusal:
        write(folder=str(tmp_path / "world"), seed=-1, diseases=436, renderings=0)
    assert refusal.value.problems == (
        "world.seed=-1 must be 0 or more",
        "world.diseases=436 must be from 2 to 435",
        "world.renderings=0 must be 1 or more",
    )
    assert list(tmp_path.iterdir()) == []


def test_the_vocabulary_holds_the_words_of_every_file(world):
    vocabulary = world.text("vocabulary.txt")
    assert world.lines("general.jsonl")[0]["text"] in vocabulary
    assert world.lines("elsewhere_papers_en.jsonl")[0]["content"]["text"] in vocabulary
    assert world.table("exam_test_en.csv")[0]["Question"] in vocabulary
    assert world.lines("chat.jsonl")[0]["conversations"][1]["value"] in vocabulary
