"""A run that is killed goes on as if nothing had happened, to the last bit."""

import json
import os
import signal

import pytest
from safetensors.torch import load_file

from medllm import attempt
from medllm.checkpoint import folder
from medllm.journal import Journal
from medllm.stage.curves import Heldout
from tests.checkpoint import small

EVERY = ["checkpointing.steps=2", "checkpointing.minutes=null"]


@pytest.fixture(scope="module")
def places(tmp_path_factory):
    return tmp_path_factory.mktemp("resume")


@pytest.fixture(scope="module")
def undisturbed(places):
    """Stage to the folder of its fresh run, and what it comes to when nothing happens."""
    known = {}

    def of(stage, *more):
        if stage not in known:
            fresh = small.frozen(places, f"fresh-{stage}", stage, *EVERY, *more)
            whole = small.copied(fresh, f"whole-{stage}")
            assert small.in_child(whole) == 0
            known[stage] = fresh, small.outcome(whole)
        return known[stage]

    return of


def again(fresh, name, *deaths, number=signal.SIGKILL, status=-9):
    """The run after it died at each of `deaths` (micro-batches of that attempt) and went on."""
    run_dir = small.copied(fresh, name)
    for at in deaths:
        assert small.in_child(run_dir, at=at, number=number) == status
    assert small.in_child(run_dir) == 0
    return run_dir


@pytest.mark.slow
@pytest.mark.parametrize("stage", small.STAGES)
def test_a_run_killed_twice_comes_to_the_same_bits(undisturbed, stage):
    """Four micro-batches a step, a checkpoint every other step: the first kill comes in the
    middle of step 4, the second in that of the step after the checkpoint.
    """
    more = small.LORA if stage == "sft" else []
    fresh, whole = undisturbed(stage, *more)
    run_dir = again(fresh, f"killed-{stage}", 14, 6)
    starts = [line["step"] for line in Journal(run_dir).attempts() if "started" in line]
    assert starts == [0, 2, 2]
    assert small.outcome(run_dir) == whole


@pytest.mark.slow
@pytest.mark.parametrize("at", [1, 2, 5, 8, 9, 12, 16, 17, 21, 24])
def test_it_does_not_matter_where_it_is_killed(undisturbed, at):
    fresh, whole = undisturbed("sft", *small.LORA)
    assert small.outcome(again(fresh, f"at-{at}", at)) == whole


@pytest.mark.slow
@pytest.mark.parametrize(
    ("number", "status"), [(signal.SIGUSR1, 75), (signal.SIGTERM, 143), (signal.SIGINT, 130)]
)
def test_told_to_stop_it_saves_the_step_it_is_in(undisturbed, number, status):
    """Micro-batch 11 is in step 3, which no checkpoint by the count would keep."""
    fresh, whole = undisturbed("sft", *small.LORA)
    run_dir = again(fresh, f"told-{status}", 11, number=number, status=status)
    lines = Journal(run_dir).attempts()
    assert [(line.get("why"), line["step"]) for line in lines[1:3]] == [
        ("told to stop", 3),
        (None, 3),
    ]
    assert small.outcome(run_dir) == whole


@pytest.mark.slow
def test_told_to_stop_before_the_first_step_it_ends_at_once(undisturbed):
    """A status of 0 would say that it is done, and start what waits for it."""
    fresh, _ = undisturbed("sft", *small.LORA)
    run_dir = small.copied(fresh, "early")

    def told_at_the_first_look():
        Heldout.on_train_start = lambda *_: os.kill(os.getpid(), signal.SIGTERM)

    assert small.in_child(run_dir, before=told_at_the_first_look) == -15
    assert not (run_dir / "done.json").exists()


@pytest.mark.slow
def test_a_run_killed_while_it_exports_has_only_that_left(undisturbed):
    """Six steps, and a checkpoint at the sixth."""
    fresh, whole = undisturbed("sft", *small.LORA)
    run_dir = small.copied(fresh, "exporting")

    def die_in_export():
        attempt.export = lambda *_, **__: os.kill(os.getpid(), signal.SIGKILL)

    assert small.in_child(run_dir, before=die_in_export) == -9
    assert small.in_child(run_dir) == 0
    assert [line["step"] for line in Journal(run_dir).attempts()] == [0, 6, 6]
    assert small.outcome(run_dir) == whole


@pytest.mark.slow
def test_a_stored_reference_serves_a_last_step_that_is_not_full(places):
    """29 pairs twice: 7 steps of 8 and one of 2, all of them known from the first epoch."""
    run_dir = small.frozen(places, "twice", "dpo_stored", *EVERY, "stage.epochs=2")
    assert small.in_child(run_dir) == 0
    assert json.loads((run_dir / "done.json").read_text())["steps"] == 8


@pytest.mark.slow
def test_a_crash_in_the_middle_of_writing_leaves_the_last_good_one(undisturbed):
    fresh, whole = undisturbed("sft", *small.LORA)
    run_dir = small.copied(fresh, "writing")

    def die_at_the_second():
        finish = folder.finish

        def dying(written, *, step, **facts):
            if step == 4:
                (written / "rank-0.pt").write_bytes(b"half")
                signal.raise_signal(signal.SIGKILL)
            return finish(written, step=step, **facts)

        folder.finish = dying

    assert small.in_child(run_dir, before=die_at_the_second) == -9
    assert sorted(at.name for at in (run_dir / "checkpoints").iterdir()) == [
        ".step-00000004.work",
        "step-00000002",
    ]
    assert small.in_child(run_dir) == 0
    assert small.outcome(run_dir) == whole


@pytest.mark.slow
def test_a_damaged_checkpoint_is_set_aside_for_the_one_before(undisturbed, caplog):
    fresh, whole = undisturbed("sft", *small.LORA)
    run_dir = small.copied(fresh, "damaged")
    assert small.in_child(run_dir, at=19) == -9
    weights = run_dir / "checkpoints/step-00000004/trainer/trained-0.safetensors"
    bits = bytearray(weights.read_bytes())
    bits[len(bits) // 2] ^= 1
    weights.write_bytes(bits)
    found = folder.newest(run_dir / "checkpoints", sets_aside=True)
    assert found is not None
    assert found.step == 2
    assert (
        "step-00000004 is damaged (trainer/trained-0.safetensors is not what was written)"
        in caplog.text
    )
    assert small.in_child(run_dir) == 0
    assert small.outcome(run_dir) == whole


@pytest.mark.slow
def test_only_what_is_trained_is_saved_and_only_the_newest_are_kept(undisturbed):
    fresh, _ = undisturbed("sft", *small.LORA)
    run_dir = small.copied(fresh, "kept")
    assert small.in_child(run_dir, at=24) == -9
    kept = sorted((run_dir / "checkpoints").iterdir())
    assert [at.name for at in kept] == ["step-00000002", "step-00000004"]
    saved = load_file(kept[0] / "trainer/trained-0.safetensors")
    assert saved
    assert all("lora" in name for name in saved)
    assert small.in_child(run_dir) == 0
    assert not (run_dir / "checkpoints").exists()


@pytest.mark.slow
def test_a_stored_reference_is_not_scored_with_half_trained_weights(undisturbed):
    fresh, _ = undisturbed("dpo_stored")
    run_dir = small.copied(fresh, "reference")
    assert small.in_child(run_dir, at=14) == -9
    (run_dir / "reference.safetensors").unlink()
    assert small.in_child(run_dir) == 2
    said = Journal(run_dir).error()
    assert said is not None
    assert "reference.safetensors is gone, and 2 steps are trained already" in said["message"]


@pytest.mark.slow
def test_a_done_run_is_left_alone(undisturbed):
    fresh, whole = undisturbed("sft", *small.LORA)
    run_dir = again(fresh, "done")
    lines = len(Journal(run_dir).attempts())
    assert small.in_child(run_dir) == 0
    assert len(Journal(run_dir).attempts()) == lines
    assert small.outcome(run_dir) == whole
