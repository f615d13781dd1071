import os
import subprocess
import sys
from pathlib import Path
from textwrap import dedent

import pytest
import yaml

REPO = Path(__file__).parent.parent
HEAVY = ("torch", "transformers", "pytorch_lightning", "datasets", "wandb", "numba", "matplotlib")
# Ends as a user's command ends, then says which of the heavy modules it has imported.
COMMAND = f"""
    import sys
    from medllm import cli
    try:
        cli.main(sys.argv[1:])
    except SystemExit as end:
        print("status", end.code)
    print("imported", [name for name in {HEAVY} if name in sys.modules])
    """


def python(script, *words, folder=REPO):
    """What `script` prints in a process of its own."""
    done = subprocess.run(
        [sys.executable, "-c", dedent(script), *words],
        env={**os.environ, "PYTHONPATH": str(REPO), "MEDLLM_RUNS": str(folder / "runs")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


@pytest.mark.parametrize(
    "line",
    [
        "--help",
        "train --help",
        "recipe --help",
        "train experiments=world/base --cfg job",
        "train experiments=world/base stage.optimizer.learning_rate=fast",  # checked and refused
        "train experiments=world/base hardware=cpu2 hardware.micro_batch=3",
    ],
)
def test_a_command_that_trains_nothing_imports_nothing_heavy(line, tmp_path):
    assert python(COMMAND, *line.split(), folder=tmp_path)[-1] == "imported []"


def test_a_check_of_any_experiment_imports_nothing_heavy():
    script = f"""
        import sys
        from medllm import config
        config.check(config.compose("train", ["experiments=world/base"]), "train")
        print([name for name in {HEAVY} if name in sys.modules])
        """
    assert python(script) == ["[]"]


def test_omegaconf_still_reads_yaml_slowly():
    """Once this fails, `yaml.SafeLoader = ...` in medllm/config/compose.py can go."""
    script = """
        import yaml
        from omegaconf._utils import get_yaml_loader
        print(issubclass(get_yaml_loader(), yaml.CSafeLoader))
        """
    assert python(script) == ["False"]


def test_both_readers_of_yaml_read_the_same():
    files = [*REPO.glob("conf/**/*.yaml"), *REPO.glob("experiments/**/*.yaml")]
    assert len(files) > 50  # an empty glob would pass
    for file in files:
        text = file.read_text()
        assert yaml.load(text, yaml.CSafeLoader) == yaml.load(text, yaml.loader.SafeLoader), file


@pytest.mark.slow
def test_every_module_imports():
    """One process for all: torch and transformers are paid for once."""
    files = [file.relative_to(REPO) for file in (REPO / "medllm").rglob("*.py")]
    assert len(files) > 20  # an empty glob would pass
    names = sorted(".".join(f.with_suffix("").parts).removesuffix(".__init__") for f in files)
    script = "import importlib, sys; [importlib.import_module(name) for name in sys.argv[1:]]"
    done = subprocess.run(
        [sys.executable, "-W", "error:::medllm", "-c", script, *names],
        env={**os.environ, "PYTHONPATH": str(REPO)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
