"""Which runs are told of, and what is passed over with a reason."""

import json
import os
import re

import pytest

from medllm.errors import ConfigError, UserError
from medllm.report.status_find import find, labels
from tests.run_folders import RunFolder

ANY = {"recipe": None, "name": None, "run": None}


def point(runs, name, overrides, steps, recipe="world/chain", at=0):
    """steps: e.g. {"base": "world/base/00000001"}."""
    listed = [{"step": step, "run": run} for step, run in steps.items()]
    file = runs / recipe / "points" / f"{name}.json"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps({"recipe": recipe, "overrides": overrides, "steps": listed}))
    os.utime(file, (at, at))


def ids(runs, **filters):
    return [one.run for one in find(runs, **ANY | filters).runs]


@pytest.fixture
def runs(tmp_path):
    for name in ("world/base/00000001", "world/cpt/00000002", "qilin/cpt/00000003"):
        RunFolder(tmp_path, name)
    return tmp_path


def test_every_folder_named_by_a_digest_is_a_run(runs):
    assert ids(runs) == ["qilin/cpt/00000003", "world/base/00000001", "world/cpt/00000002"]


def test_there_may_be_no_runs_at_all(tmp_path):
    assert ids(tmp_path / "absent") == []


@pytest.mark.parametrize(
    ("filters", "left"),
    [
        ({"name": "world/*"}, ["world/base/00000001", "world/cpt/00000002"]),
        ({"name": "*/cpt"}, ["qilin/cpt/00000003", "world/cpt/00000002"]),
        ({"run": "world/cpt/00000002"}, ["world/cpt/00000002"]),
        ({"run": "*/0000000[13]"}, ["qilin/cpt/00000003", "world/base/00000001"]),
        ({"name": "world/*", "run": "*/*/00000002"}, ["world/cpt/00000002"]),
    ],
)
def test_a_filter_lets_through_what_it_names(runs, filters, left):
    assert ids(runs, **filters) == left


def test_a_run_may_be_named_by_its_folder(runs):
    assert ids(runs, run=f"{runs}/world/cpt/00000002/") == ["world/cpt/00000002"]


def test_a_filter_that_lets_nothing_through_is_refused_with_the_nearest(runs):
    with pytest.raises(UserError, match=r"name='world/ctp' is no run in .*mean 'world/cpt'"):
        ids(runs, name="world/ctp")
    with pytest.raises(UserError, match=r"run='world/cpt/00000009' is no run.*mean 'world/cpt/000"):
        ids(runs, run="world/cpt/00000009")


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"recipe": 5}, "recipe=5 must be text, e.g. recipe=world/qilin_med"),
        ({"run": 12345678}, "run=12345678 must be text, e.g. run=world/cpt/1a2b3c4d"),
        ({"name": ["a"]}, "name=['a'] must be text, e.g. name=world/*"),
    ],
)
def test_a_filter_that_is_no_text_is_refused(given, said, tmp_path):
    with pytest.raises(ConfigError, match=re.escape(said)):
        find(tmp_path, **{"recipe": None, "name": None, "run": None, **given})


def test_a_refusal_does_not_list_hundreds(tmp_path):
    for number in range(13):
        RunFolder(tmp_path, f"world/cpt/{number:08x}")
    with pytest.raises(UserError, match=r"; there are 13, which `medllm status` lists$"):
        ids(tmp_path, run="zzz")


def test_what_is_no_run_is_passed_over_with_a_reason(runs):
    (runs / "notes" / "old").mkdir(parents=True)
    (runs / "world" / "cpt" / "00000002.old").mkdir()
    (runs / "world" / "again").symlink_to(runs / "world")
    (runs / "world" / "round").symlink_to("round")
    (runs / ".locks").mkdir()
    (runs / "readme.txt").write_text("ours")
    (runs / "huatuo" / "chain" / "report").mkdir(parents=True)
    (runs / "huatuo" / "chain" / "points").mkdir(parents=True)
    found = find(runs, **ANY)
    assert len(found.runs) == 3
    assert sorted(found.skipped) == [
        "notes: holds no run",
        "world/again: a link to a folder above it",
        "world/cpt/00000002.old: holds no run",
    ]


def test_runs_behind_a_link_to_another_disk_are_found(runs, tmp_path_factory):
    elsewhere = tmp_path_factory.mktemp("scratch")
    RunFolder(elsewhere, "cpt/0000000a")
    (runs / "scratch").symlink_to(elsewhere)
    assert "scratch/cpt/0000000a" in ids(runs)


def test_a_recipe_tells_its_runs_step_by_step_and_a_shared_one_once(runs):
    """Two corpora from one base: three runs."""
    shared = {"base": "world/base/00000001"}
    point(runs, "a", {"data.cpt": "books"}, shared | {"cpt": "world/cpt/00000002"})
    point(runs, "b", {"data.cpt": "papers"}, shared | {"cpt": "world/cpt/00000004"})
    found = find(runs, **ANY | {"recipe": "world/chain"}).runs
    assert [(one.step, one.point, one.run) for one in found] == [
        ("base", "shared", "world/base/00000001"),
        ("cpt", "books", "world/cpt/00000002"),
        ("cpt", "papers", "world/cpt/00000004"),
    ]


def test_of_two_points_with_the_same_overrides_the_newer_is_told(runs):
    point(runs, "old", {"seed": "1"}, {"base": "world/base/00000001"}, at=100)
    point(runs, "new", {"seed": "1"}, {"base": "world/base/0000000b"}, at=200)
    assert ids(runs, recipe="world/chain") == ["world/base/0000000b"]


def test_a_recipe_that_is_not_there_is_refused_with_the_nearest(runs):
    point(runs, "a", {}, {"base": "world/base/00000001"})
    with pytest.raises(UserError, match=r"no recipe 'world/chian' in .*mean 'world/chain'"):
        ids(runs, recipe="world/chian")


def test_torn_and_foreign_points_are_passed_over_with_a_reason(runs):
    point(runs, "a", {}, {"base": "world/base/00000001"})
    folder = runs / "world" / "chain" / "points"
    (folder / "torn.json").write_text('{"steps": [')
    (folder / "bytes.json").write_bytes(b"\xff\xfe\x00")
    (folder / "list.json").write_text("[1]")
    (folder / "other.json").write_text('{"steps": [{"run": 3}]}')
    found = find(runs, **ANY | {"recipe": "world/chain"})
    assert [one.run for one in found.runs] == ["world/base/00000001"]
    assert sorted(found.skipped) == [
        "points/bytes.json cannot be read: it is not text",
        "points/list.json is not whole",
        "points/other.json is no point of a recipe",
        "points/torn.json is not whole",
    ]


def test_points_are_labelled_by_what_they_do_not_have_in_common():
    sweep = [{"seed": "1", "model": "s"}, {"seed": "1", "model": "m"}]
    assert labels(sweep) == ["s", "m"]
    assert labels([{"seed": "1"}]) == [""]
    assert labels([{}, {"model": "m"}]) == ["as written", "m"]
