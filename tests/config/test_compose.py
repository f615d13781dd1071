"""What needs a process of its own: Hydra already running, and torch not yet imported."""

import functools
import json
import os
import subprocess
import sys
from textwrap import dedent

import pytest
from omegaconf import OmegaConf

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


@pytest.mark.parametrize("text", ["/a'b", "/a\\b", "/a\\'b", "/a b,c=[d]", "/a\\"])
def test_any_path_can_be_handed_to_a_further_config(text):
    cfg = config.compose("status", [f"paths.runs={config.quoted(text)}"])
    assert cfg.paths.runs == text


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


def test_what_is_made_calls_functions_without_asking_hydra():
    """Hydra's own partials cost 0.1 ms a call, those of Python nothing."""
    node = OmegaConf.create(
        {
            "_target_": "medllm.data.source.read.Source",
            "files": "x",
            "format": "jsonl",
            "encoding": "utf-8",
            "to_example": {
                "_target_": "medllm.data.source.exam.conversation",
                "_partial_": True,
                "to_question": {"_target_": "medllm.data.source.exam.cmexam", "_partial_": True},
            },
            "limit": None,
            "has_patient_data": False,
        }
    )
    outer = config.instantiate(node).to_example
    assert type(outer) is type(outer.keywords["to_question"]) is functools.partial


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
