"""The one-way street: a module imports from lower floors and from its own package, nothing else."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent / "medllm"
FLOORS = [
    {"types", "errors"},
    {"losses", "config", "prompt", "provenance", "hardware", "journal", "lock", "sweep"},
    {"model", "data", "eval"},
    {"stage", "launch", "track", "report", "cluster", "parallel", "checkpoint", "estimate"},
    {"prepare", "frozen"},
    {"attempt"},
    {"run", "submit", "repro"},
    {"train", "evaluate", "inspect", "vocabulary"},
    {"recipe", "status", "cancel", "retry", "job"},
    {"cli"},
]
FLOOR = {name: level for level, names in enumerate(FLOORS) for name in names}


def imported(path: Path) -> set[str]:
    """Names right under medllm that the file at `path` imports, wherever in the file."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module:
            assert node.level == 0, f"{path}: an import that starts with a dot hides its floor"
            # `from medllm import x` names the neighbour in its aliases, not in its path
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
        elif isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
    return {name.split(".")[1] for name in found if name.startswith("medllm.")}


@pytest.mark.parametrize("path", sorted(ROOT.rglob("*.py")), ids=lambda p: str(p.relative_to(ROOT)))
def test_imports_point_down(path):
    name = path.relative_to(ROOT).parts[0].removesuffix(".py")
    if name == "__init__":
        assert not imported(path)
        return
    wrong = {other for other in imported(path) - {name} if FLOOR[other] >= FLOOR[name]}
    assert not wrong, f"{name} (floor {FLOOR[name]}) may not import {sorted(wrong)}"


def test_every_module_stands_on_a_floor():
    names = {p.stem for p in ROOT.iterdir() if p.suffix == ".py" or (p / "__init__.py").is_file()}
    assert names - {"__init__"} == set(FLOOR)
