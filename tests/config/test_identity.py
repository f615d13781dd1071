import re

import pytest
from omegaconf import OmegaConf

from medllm import config


def test_hardware_and_places_do_not_change_the_name_of_a_run(toy, monkeypatch):
    monkeypatch.setenv("HOME", "/elsewhere")
    here = toy.compose("model=previous", "+previous=toy/1")
    there = toy.compose("model=previous", "+previous=toy/1", "hardware=big", "paths.runs=/scratch")
    assert config.run_id(here) == config.run_id(there)
    assert re.fullmatch(r"toy/[0-9a-f]{8}", config.run_id(here))


@pytest.mark.parametrize(
    "override",
    ["model.path=x", "data=1", "stage.clip=2.0", "seed=18", "previous=toy/2", "+world=1"],
)
def test_science_changes_the_name_of_a_run(toy, override):
    given = ["model=previous", "+previous=toy/1"]
    assert config.run_id(toy.compose(*given)) != config.run_id(toy.compose(*given, override))


def test_the_name_of_a_run_is_a_promise():
    """sha256 of {"data": null, "model": {"path": "<runs>/x"}, "previous": null, "seed": 17,
    "stage": null, "world": null}; a change here renames every run that exists.
    """
    cfg = OmegaConf.create(
        {"name": "toy", "seed": 17, "paths": {"runs": "/r"}, "model": {"path": "${paths.runs}/x"}}
    )
    assert config.run_id(cfg) == "toy/8e278864"


def test_a_frozen_config_may_be_read_from_another_folder(toy, monkeypatch):
    cfg = toy.compose("model=previous", "+previous=toy/1", "paths.runs=runs")
    monkeypatch.chdir(toy.folder)
    frozen = OmegaConf.load(config.freeze(cfg, toy.folder / "runs/a"))
    assert frozen.paths.runs == f"{toy.folder}/runs"
    assert frozen.model.path == f"{toy.folder}/runs/toy/1/export"
    assert frozen.run_id == config.run_id(cfg)


def test_a_frozen_config_needs_nothing_else(toy):
    cfg = toy.compose("model=previous", "+previous=toy/1", "paths.runs=/scratch")
    frozen = config.freeze(cfg, toy.folder / "runs" / "a")
    assert frozen == toy.folder / "runs" / "a" / "config.yaml"
    assert OmegaConf.load(frozen).model.path == "/scratch/toy/1/export"
    assert OmegaConf.load(frozen).run_id == config.run_id(cfg)
    assert "${" not in frozen.read_text()
    assert [file.name for file in frozen.parent.iterdir()] == ["config.yaml"]
