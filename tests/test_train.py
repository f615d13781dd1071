"""`medllm train` on the tiny world: 1 run of 6 steps, about two seconds after torch is there."""

import csv
import json
import logging
import shutil
import subprocess
import sys
import threading
from contextlib import ExitStack

import pytest
from omegaconf import OmegaConf
from safetensors.torch import load_file

from medllm import config, lock
from tests.verbs import Places, times

# 11 rows of text about towns, twice: 22 rows, the last step is filled up with empty ones.
BASE = (
    "train", "experiments=world/base", "world=tiny", "stage.global_batch=4", "stage.epochs=2",
    *[f"~data.sources.{name}" for name in ("chat", "exam", "cloze")],
)  # fmt: skip


@pytest.fixture(scope="module")
def places(tmp_path_factory):
    return Places(tmp_path_factory.mktemp("train"))


@pytest.fixture(scope="module")
def run_dir(places):
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("WANDB_API_KEY", raising=False)
        patch.setenv("NETRC", "/dev/null")  # no key: W&B stays offline
        assert places.medllm(*BASE) == 0
    (folder,) = places.folders("world/base")
    return folder


def metrics(run_dir):
    """The rows of metrics.csv, less the columns that tell of the machine."""
    with (run_dir / "metrics.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    return [{k: v for k, v in row.items() if not k.startswith("speed/")} for row in rows]


def weights(run_dir):
    return load_file(run_dir / "export/model.safetensors")


def test_a_run_ends_with_a_hugging_face_folder(run_dir):
    names = {file.name for file in (run_dir / "export").iterdir()}
    assert {"model.safetensors", "config.json", "generation_config.json", "tokenizer.json"} <= names
    tokenizer = json.loads((run_dir / "export/tokenizer.json").read_text())
    (end,) = (t["id"] for t in tokenizer["added_tokens"] if t["content"] == "<|end|>")
    generation = json.loads((run_dir / "export/generation_config.json").read_text())
    assert generation["eos_token_id"] == end


def test_it_tells_what_it_did(run_dir):
    """ceil(22 / 4) = 6 steps."""
    done = json.loads((run_dir / "done.json").read_text())
    assert sorted(done) == ["seconds", "steps", "tokens"]
    assert done["steps"] == 6
    learnt = [float(row["train/tokens"]) for row in metrics(run_dir) if row["train/tokens"]]
    assert learnt[-1] == done["tokens"]


def test_every_curve_that_the_report_draws_is_in_the_metrics(run_dir):
    rows = metrics(run_dir)
    assert set(rows[0]) == {
        "step", "train/loss", "train/learning_rate", "train/tokens", "train/gradient_norm",
        "train/source/general/loss", "train/source/general/share",
        "heldout/general/bits_per_byte", "heldout/medical/bits_per_byte",
    }  # fmt: skip
    losses = [float(row["train/loss"]) for row in rows if row["train/loss"]]
    assert len(losses) == 6
    assert losses[-1] < losses[0]
    looks = [int(row["step"]) for row in rows if row["heldout/general/bits_per_byte"]]
    assert looks == [0, 2, 3, 4, 6]  # 6 x (0, 1/4, 1/2, 3/4, 1), halves to the even neighbour


def test_the_config_and_the_origin_of_the_run_lie_beside_it(run_dir):
    frozen = OmegaConf.load(run_dir / "config.yaml")
    assert frozen.run_id == f"world/base/{run_dir.name}"
    (attempt,) = json.loads((run_dir / "provenance.json").read_text())
    (read,) = attempt["data"]["general"]["files"]
    assert json.dumps(read).count("general.jsonl") == 1
    assert attempt["versions"]["torch"]


def test_wandb_has_an_offline_run_of_the_same_id(run_dir):
    (offline,) = (run_dir / "wandb").glob("offline-run-*")
    assert offline.name.endswith(f"-world-base-{run_dir.name}")
    assert list(offline.glob("*.wandb"))


def test_the_second_call_trains_nothing_and_names_the_same_folder(places, run_dir, capsys):
    before = times(places.runs)
    assert places.medllm(*BASE) == 0
    assert capsys.readouterr().out == f"{run_dir}\n"
    assert times(places.runs) == before


def test_the_next_stage_starts_from_it(places, run_dir):
    """Its first look at held-out text is the last one of the run before."""
    previous = f"previous=world/base/{run_dir.name}"
    cpt = ["experiments=world/cpt", "world=tiny", "stage.epochs=1", previous]
    assert places.medllm("train", *cpt, "tracker.mode=disabled") == 0
    (folder,) = places.folders("world/cpt")
    for domain in ("general", "medical"):
        column = f"heldout/{domain}/bits_per_byte"
        last = [row[column] for row in metrics(run_dir) if row[column]][-1]
        assert float(metrics(folder)[0][column]) == pytest.approx(float(last), rel=1e-6)
    shares = {k: float(v) for k, v in metrics(folder)[1].items() if k.endswith("/share")}
    # 15:4:1, less the targets that the borders of documents and rows leave out
    assert shares == pytest.approx(
        {"train/source/books/share": 0.75, "train/source/papers/share": 0.2,
         "train/source/general/share": 0.05}, abs=0.01,
    )  # fmt: skip


def test_the_same_seed_elsewhere_gives_the_same_weights_and_curves(run_dir, tmp_path):
    elsewhere = Places(tmp_path)
    assert elsewhere.medllm(*BASE, "tracker.mode=disabled") == 0
    (other,) = elsewhere.folders("world/base")
    assert other.name == run_dir.name
    ours, theirs = (d / "export/model.safetensors" for d in (run_dir, other))
    assert ours.read_bytes() == theirs.read_bytes()
    assert metrics(other) == metrics(run_dir)


def test_micro_batches_give_the_same_weights_under_the_same_id(run_dir, tmp_path):
    elsewhere = Places(tmp_path)
    small = ["hardware.micro_batch=1", "tracker.mode=disabled"]
    assert elsewhere.medllm(*BASE, *small) == 0
    (other,) = elsewhere.folders("world/base")
    assert other.name == run_dir.name
    assert distance(weights(other), weights(run_dir)) < 1e-6


@pytest.mark.slow
def test_two_processes_give_the_same_weights_as_one(run_dir, tmp_path):
    elsewhere = Places(tmp_path)
    assert elsewhere.medllm(*BASE, "hardware=cpu2", "tracker.mode=disabled") == 0
    (other,) = elsewhere.folders("world/base")
    assert other.name == run_dir.name
    assert distance(weights(other), weights(run_dir)) < 1e-6
    assert [r["train/tokens"] for r in metrics(other)] == [
        r["train/tokens"] for r in metrics(run_dir)
    ]


def distance(ours, theirs):
    """||ours - theirs|| / ||theirs|| over all weights.

    Not element by element: AdamW divides a gradient by its own size, so that where it is nearly
    nothing its rounding (float32, another order of sums) is blown up to the size of a step.
    """
    assert ours.keys() == theirs.keys()
    apart = sum(float((ours[name] - theirs[name]).double().square().sum()) for name in ours)
    return (apart / sum(float(w.double().square().sum()) for w in theirs.values())) ** 0.5


def test_another_seed_is_another_run(places, run_dir):
    assert places.medllm(*BASE, "seed=18", "tracker.mode=disabled") == 0
    (other,) = (folder for folder in places.folders("world/base") if folder != run_dir)
    assert metrics(other)[0] != metrics(run_dir)[0]


def test_a_run_that_did_not_end_is_trained_again_and_loses_its_old_scores(run_dir, tmp_path):
    places = Places(tmp_path)
    unfinished = places.runs / "world/base" / run_dir.name
    shutil.copytree(run_dir, unfinished)
    (unfinished / "done.json").unlink()
    (unfinished / "eval/world_exam").mkdir(parents=True)
    assert places.medllm(*BASE, "tracker.mode=disabled") == 0
    assert json.loads((unfinished / "done.json").read_text())["steps"] == 6
    assert len(json.loads((unfinished / "provenance.json").read_text())) == 2
    assert not (unfinished / "eval").exists()
    assert metrics(unfinished) == metrics(run_dir)


def test_a_finished_run_whose_raw_files_have_changed_is_refused(run_dir, places, capsys, tmp_path):
    """One letter more in general.jsonl; the run was trained on 'general' alone."""
    copy = moved(places, tmp_path)
    (file,) = copy.corpora.glob("world/*/general.jsonl")
    size, text = file.stat().st_size, file.read_bytes()
    tell_sizes(file.parent, extra=1)
    file.write_bytes(text.replace(b"\n", b" \n", 1))
    assert copy.medllm(*BASE) == 2
    said = capsys.readouterr().err
    folder = copy.runs / "world/base" / run_dir.name
    assert said.startswith(f"medllm: {folder} was trained on other data than there are now:\n")
    assert f"general.jsonl had {size:,} bytes and sha256 " in said
    assert f", now {size + 1:,} bytes and " in said
    assert f"e.g. name=world/base_2, or remove {folder}; " in said


def test_a_finished_run_counts_as_done_where_its_raw_files_are_gone(
    run_dir, places, capsys, tmp_path
):
    copy = moved(places, tmp_path)
    shutil.rmtree(copy.corpora)
    assert copy.medllm(*BASE) == 0
    assert capsys.readouterr().out == f"{copy.runs}/world/base/{run_dir.name}\n"
    assert not copy.corpora.exists()


def test_a_finished_run_counts_as_done_where_its_raw_files_have_moved(run_dir, places, tmp_path):
    copy = moved(places, tmp_path)
    before = times(copy.runs)
    assert copy.medllm(*BASE) == 0
    assert times(copy.runs) == before


def test_a_finished_run_of_another_generator_is_refused(run_dir, places, capsys, tmp_path):
    """The world on disk is not what the code of now makes, and is made again; the run knew it."""
    copy = moved(places, tmp_path)
    (manifest,) = copy.corpora.glob("world/*/manifest.json")
    file = copy.runs / "world/base" / run_dir.name / "provenance.json"
    attempts = json.loads(file.read_text())
    ((name, facts),) = attempts[-1]["data"]["general"]["files"].items()
    attempts[-1]["data"]["general"]["files"] = {name: {**facts, "sha256": "0" * 64}}
    file.write_text(json.dumps(attempts))
    manifest.write_text(manifest.read_text().replace('"generator": "', '"generator": "other'))
    assert copy.medllm(*BASE) == 2
    assert "general.jsonl had" in capsys.readouterr().err
    assert "other" not in json.loads(manifest.read_text())["generator"]


def moved(places, folder):
    """Corpora and runs of `places`, without stores: a finished run needs none."""
    for name in ("corpora", "runs"):
        shutil.copytree(getattr(places, name), folder / name)
    return Places(folder)


def tell_sizes(world, *, extra):
    """Let the world's manifest say that general.jsonl is `extra` bytes longer, as it will be."""
    said = json.loads((world / "manifest.json").read_text())
    said["bytes"]["general.jsonl"] += extra
    (world / "manifest.json").write_text(json.dumps(said))


@pytest.mark.slow
def test_two_shells_at_the_same_moment_train_a_run_once(tmp_path):
    places = Places(tmp_path)
    paths = [f"paths.{name}={getattr(places, name)}" for name in ("corpora", "stores", "runs")]
    command = [sys.executable, "-m", "medllm.cli", *BASE, "tracker.mode=disabled", *paths]
    shells = [
        subprocess.Popen(command, cwd=config.REPO, stdout=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    said = [shell.communicate()[0].splitlines()[-1] for shell in shells]
    assert [shell.returncode for shell in shells] == [0, 0]
    (run_dir,) = places.folders("world/base")
    assert said == [str(run_dir)] * 2
    lines = (run_dir / "attempts.jsonl").read_text().splitlines()
    assert ["started" in line for line in lines] == [True, False]
    assert len(json.loads((run_dir / "provenance.json").read_text())) == 1


def test_a_run_that_somebody_trains_is_waited_for(run_dir, places, tmp_path, capsys):
    """It ends well meanwhile, so there is nothing left to train."""
    copy = moved(places, tmp_path)
    folder = copy.runs / "world/base" / run_dir.name
    done = (folder / "done.json").read_text()
    (folder / "done.json").unlink()
    somebody = ExitStack()
    somebody.enter_context(lock.held(folder / ".lock", waiting=""))

    class Ends(logging.Handler):
        """Ends the run as soon as somebody else waits for it."""

        def emit(self, record):
            (folder / "done.json").write_text(done)
            threading.Timer(0.1, somebody.close).start()

    handler = Ends()
    logging.getLogger("medllm.lock").addHandler(handler)
    try:
        assert copy.medllm(*BASE) == 0
    finally:
        logging.getLogger("medllm.lock").removeHandler(handler)
    assert "another process trains in" in capsys.readouterr().out
    assert len(json.loads((folder / "provenance.json").read_text())) == 1
