"""What needs a process of its own: Hydra already running, and torch not yet imported."""

import json
import os
import subprocess
import sys
from textwrap import dedent

from medllm import config


def test_a_job_of_hydra_can_compose_further_configs(toy):
    """As `recipe` does: Hydra runs already, with a search path of its own."""
    script = f"""
        import hydra, sys
        from pathlib import Path
        from medllm import config
        def main(cfg):
            other = config.compose("train", ["seed=18"], conf=Path("{toy.folder}/conf"))
            print(cfg.seed, other.seed)
        sys.argv = ["x", "seed=16", "hydra.run.dir=."]
        hydra.main("{toy.folder}/conf", "train", version_base="1.3")(main)()
        """
    assert python(script, toy.folder) == "16 18\n"


def test_a_check_imports_neither_torch_nor_what_it_checks(toy):
    script = f"""
        import json, sys
        from pathlib import Path
        from medllm import config
        folder = Path({str(toy.folder)!r})
        cfg = config.compose("train", conf=folder / "conf")
        config.check(cfg, "train", conf=folder / "conf", package=folder / "medllm")
        print(json.dumps([name for name in ("torch", "transformers") if name in sys.modules]))
        """
    assert json.loads(python(script, toy.folder)) == []


def python(script, folder):
    """What `script` prints in a process of its own that stands in `folder`."""
    return subprocess.run(
        [sys.executable, "-c", dedent(script)],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(config.REPO)},
        capture_output=True,
        text=True,
        check=True,
    ).stdout
