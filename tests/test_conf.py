"""Every experiment, and every choice of every group, composes into a run that could start."""

import pytest
from omegaconf import OmegaConf

from medllm import config, recipe
from medllm.errors import ConfigError

FOLDER = config.REPO / "experiments"


def is_recipe(file):
    """Whether an experiment, or one that it builds on, has steps."""
    written = OmegaConf.load(file)
    bases = [base for base in written.get("defaults", []) if isinstance(base, str)]
    return "steps" in written or any(
        is_recipe(FOLDER / f"{base}.yaml") for base in bases if base != "_self_"
    )


ALL = {
    file.relative_to(FOLDER).with_suffix("").as_posix(): is_recipe(file)
    for file in sorted(FOLDER.rglob("*.yaml"))
    if file.name != "published.yaml"  # the paper's tables, not an experiment
}
RECIPES = [name for name, has_steps in ALL.items() if has_steps]
EXPERIMENTS = [name for name, has_steps in ALL.items() if not has_steps]


def choices(group):
    return sorted(file.stem for file in (config.CONF / group).glob("*.yaml"))


def problems(cfg, root):
    """What `check` says, less the values that a run has yet to choose."""
    try:
        config.check(cfg, root)
    except ConfigError as refusal:
        return [problem for problem in refusal.problems if not problem.endswith("has no value")]
    return []


def test_the_experiments_are_found():
    """An empty glob would pass everything below."""
    assert "world/base" in EXPERIMENTS
    assert "world/qilin_med" in RECIPES
    assert "world_s" in choices("model")


@pytest.mark.parametrize("experiment", EXPERIMENTS)
def test_an_experiment_could_start(experiment):
    cfg = config.compose("train", [f"experiments={experiment}"])
    assert cfg.name == experiment
    if OmegaConf.is_missing(cfg, "previous"):
        cfg.previous = "some/run"
    config.check(cfg, "train")


@pytest.mark.parametrize("experiment", RECIPES)
def test_a_recipe_and_all_its_steps_could_start(experiment):
    cfg = config.compose("recipe", [f"experiments={experiment}"])
    assert cfg.name == experiment
    config.check(cfg, "recipe")
    assert list(recipe.chain(cfg)) == list(cfg.steps)
    assert list(recipe.benchmarks(cfg)) == list(cfg.benchmarks)


@pytest.mark.parametrize(
    "choice",
    [
        *(f"{group}={c}" for group in ("model", "stage", "hardware") for c in choices(group)),
        *(f"model/{group}={c}" for group in ("start", "template", "adapter")
          for c in choices(f"model/{group}")),
        *(f"data={c}" for c in choices("data")),
        *(f"world={c}" for c in choices("world")),
        *(f"+data/source@data.sources.extra={c}" for c in choices("data/source")),
    ],
)  # fmt: skip
def test_a_choice_of_a_training_group_binds(choice):
    cfg = config.compose("train", ["experiments=world/base", choice, "+previous=some/run"])
    found = problems(cfg, "train")
    assert [problem for problem in found if "is not a multiple of" not in problem] == []


@pytest.mark.parametrize("benchmark", choices("benchmark"))
def test_a_benchmark_binds(benchmark):
    cfg = config.compose("evaluate", [f"benchmark={benchmark}", "world=tiny", "run=some/run"])
    config.check(cfg, "evaluate")
    assert cfg.benchmark.name == benchmark
