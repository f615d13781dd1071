"""Through real processes, as a user meets it."""

import os
import subprocess
import sys
import time

import pytest

from medllm import cli
from medllm.errors import DataError
from tests.verbs import Places


def medllm(*words):
    return subprocess.run(
        [sys.executable, "-m", "medllm.cli", *words],
        env={**os.environ, "PYTHONPATH": str(cli.REPO)},
        capture_output=True,
        text=True,
        check=False,
    )


def test_every_verb_has_a_line(capsys):
    cli.main([])
    words = capsys.readouterr().out
    for verb in ("prepare", "train", "recipe", "evaluate", "report", "status", "cancel", "retry"):
        assert f"\n  {verb} " in words
    assert "Research use only" in words


@pytest.mark.parametrize("verb", cli.VERBS)
def test_a_verb_shows_its_story_its_groups_and_its_keys(verb, capsys):
    cli.main([verb, "--help"])
    words = capsys.readouterr().out
    assert words.startswith(f"usage: medllm {verb} ")
    assert cli.story(verb)[0] in words
    is_composed = verb not in ("report", "status", "cancel", "retry")
    assert ("\n  hardware        a100x1 a100x8 " in words) == is_composed
    assert ("experiments=NAME" in words) == ("-m seed=1,2" in words) == is_composed
    apart = ("recipe", "report", "status", "cancel", "retry")
    root = f"roots/{verb}" if verb in apart else verb
    assert f"\nconf/{root}.yaml:\n  " in words


def test_help_does_not_import_torch_and_answers_at_once():
    script = (
        "import sys; from medllm import cli; cli.main([]); cli.main(['train', '--help']);"
        "sys.exit(str([name for name in ('torch', 'hydra') if name in sys.modules]))"
    )
    started = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-c", script],
        env={**os.environ, "PYTHONPATH": str(cli.REPO)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stderr == "[]\n"
    assert time.perf_counter() - started < 5  # seconds; 0.1 on two slow cores, torch alone 4.6


def test_an_unknown_verb_is_refused_with_the_right_one(capsys):
    with pytest.raises(SystemExit, match="2"):
        cli.main(["trian"])
    assert capsys.readouterr().err == (
        "medllm: 'trian' is not a verb of medllm; did you mean 'train'?\n"
    )


def test_a_run_that_cannot_work_is_refused_in_words():
    done = medllm(
        "train",
        "experiments=world/base",
        "stage.clip=high",
        "stage.global_batch=40",
        "hardware.micro_batch=7",
    )
    assert done.returncode == 2
    assert done.stderr == (
        "medllm: this run cannot work:\n"
        "  - stage.clip='high' is text, not a number; "
        "medllm.stage.pretrain.Pretraining takes float\n"
        "  - stage.global_batch=40 is not a multiple of nodes x devices x micro_batch = "
        "1 x 1 x 7 = 7; nearest that work: stage.global_batch=35 or 42 "
        "or hardware.micro_batch=5 or 8\n"
    )


def test_a_misspelt_key_on_the_command_line_is_refused_with_the_right_one():
    done = medllm("train", "experiments=world/base", "stage.clp=1")
    assert done.returncode == 2
    assert done.stderr == (
        "medllm: stage.clp is not a key; did you mean 'clip'?\n"
        "`medllm VERB --help` lists groups and keys\n"
    )


def test_a_choice_that_is_not_there_is_refused_with_those_that_are():
    done = medllm("train", "experiments=world/base", "hardware=cpuu")
    assert done.returncode == 2
    assert "Could not find 'hardware/cpuu'" in done.stderr
    assert "cpu2" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_users_mistake_is_told_even_from_within_a_constructor(capsys):
    """Hydra wraps what a constructor raises."""

    def job(cfg):
        try:
            raise DataError("books.jsonl:3: not JSON")
        except DataError as mistake:
            raise RuntimeError("Error in call to target") from mistake

    with pytest.raises(SystemExit, match="2"):
        cli.plain(job)(None)
    assert capsys.readouterr().err == "medllm: books.jsonl:3: not JSON\n"


def test_a_bug_crashes_in_full():
    def job(cfg):
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        cli.plain(job)(None)


def test_an_interrupt_has_its_own_status(monkeypatch, capsys):
    def interrupted(verb, words):
        raise KeyboardInterrupt

    monkeypatch.setattr(cli, "do", interrupted)
    with pytest.raises(SystemExit, match="130"):
        cli.main(["train"])
    assert capsys.readouterr().err == "interrupted\n"


def test_a_sweep_may_be_asked_for_between_the_words(tmp_path, capsys):
    """Two models times two corpora are four points, each planned and none trained."""
    words = ["experiments=world/qilin_med", "-m", "model=world_s,world_m", "plan=true"]
    corpora = "data.cpt=world_knowledge,world_elsewhere"
    assert Places(tmp_path).medllm("recipe", *words, corpora) == 0
    said = capsys.readouterr().err
    assert said.count("world/qilin_med model=") == 4
    assert "16 steps, 14 runs (2 shared): 14 to train" in said


def test_a_watch_may_be_asked_for_as_a_switch(tmp_path):
    """With --json beside it, so that it is refused and not waited for."""
    done = medllm("status", "--watch", "--json", f"paths.runs={tmp_path}")
    assert done.returncode == 2
    assert "watch=true shows a table and json=true does not" in done.stderr
