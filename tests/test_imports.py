import os
import subprocess
import sys
from pathlib import Path

import pytest

REPO = Path(__file__).parent.parent


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
