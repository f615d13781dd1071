"""GPU-hours and disk, by hand."""

import json

import pytest

from medllm import config
from medllm.estimate.cost import cost, problems
from tests.data import corpora
from tests.data.test_store import store_of
from tests.estimate.made import LLAMA_3_8B_WEIGHTS as N
from tests.estimate.made import composed, published

WORLD_S = 479904  # weights, see test_size


def with_store(cfg, tmp_path, tokenizer, *, texts=("a fever", "the patient has a cough")):
    """The run's folder, as it is frozen, with one store; its tokens."""
    store = store_of(corpora.documents(tmp_path, "books", list(texts)), tmp_path, tokenizer)
    run_dir = config.freeze(cfg, tmp_path / "runs" / config.run_id(cfg)).parent
    (run_dir / "stores.json").write_text(json.dumps({"books": str(store.folder)}))
    return int(store.lengths.sum())


def test_the_limit_is_nodes_times_gpus_times_hours(tmp_path):
    """4 x 8 GPUs for 24 hours."""
    cfg = published(tmp_path, "hardware=a100x8n4", "stage.global_batch=128")
    assert cost(cfg, {}).gpu_hours_limit == 768


def test_processors_cost_no_gpu_hours(tmp_path):
    assert cost(composed(tmp_path, "hardware=slurm2"), {}).gpu_hours_limit == 0


def test_there_is_no_limit_without_a_job(tmp_path):
    assert cost(composed(tmp_path), {}).gpu_hours_limit is None


def test_tokens_are_unknown_until_there_are_rows(tmp_path):
    found = cost(published(tmp_path, "hardware=h200x1", "stage.global_batch=8"), {})
    assert found.tokens is found.gpu_hours_expected is None


def test_tokens_are_those_of_all_epochs(tmp_path, tokenizer):
    cfg = composed(tmp_path, "stage.epochs=16")
    each = with_store(cfg, tmp_path, tokenizer)
    assert cost(cfg, {}).tokens == 16 * each


def test_a_pair_is_read_twice(tmp_path, tokenizer):
    cfg = composed(tmp_path, "model/start=world_s", "previous=none", "stage.epochs=2",
                   experiment="world/dpo")  # fmt: skip
    judged = [("a drug", "no"), ("a fever", "yes")]
    pairs = store_of(corpora.pairs(tmp_path, "pairs", judged), tmp_path, tokenizer)
    run_dir = config.freeze(cfg, tmp_path / "runs" / config.run_id(cfg)).parent
    (run_dir / "stores.json").write_text(json.dumps({"pairs": str(pairs.folder)}))
    assert cost(cfg, {}).tokens == 2 * int(pairs.lengths.sum())


def test_the_expectation_is_work_over_two_fifths_of_the_peak(tmp_path, tokenizer):
    """world_s: 6 x 479,904 + 12 x 3 x 96 x 128 operations a token; an H200 does 989.4e12."""
    cfg = composed(tmp_path, "hardware=h200x1", "stage.global_batch=8", "stage.epochs=1")
    tokens = with_store(cfg, tmp_path, tokenizer)
    work = tokens * (6 * WORLD_S + 12 * 3 * 96 * 128)
    assert cost(cfg, {}).gpu_hours_expected == pytest.approx(work / (0.4 * 989.4e12) / 3600)


def test_a_checkpoint_holds_what_is_trained_and_twice_as_much_of_adamw(tmp_path):
    """12 bytes a weight. On the disk lie 2 that are kept, one being written, and the export."""
    found = cost(composed(tmp_path), {})
    assert found.checkpoint_bytes == 12 * WORLD_S
    assert found.export_bytes == 4 * WORLD_S
    assert found.disk_bytes == 3 * 12 * WORLD_S + 4 * WORLD_S


def test_deepspeed_saves_its_float32_copies(tmp_path):
    found = cost(published(tmp_path, "hardware=a100x8", "stage.global_batch=32"), {})
    assert found.checkpoint_bytes == 12 * N
    assert found.export_bytes == 2 * N


@pytest.mark.parametrize(("export", "weights"), [("merged", N + 20971520), ("beside", 20971520)])
def test_an_adapter_saves_itself_alone(tmp_path, export, weights):
    """Rank 8 on all matrices of Llama-3-8B: 32 x 8 x (2 x 8192 + 2 x 5120 + 3 x 18432)."""
    cfg = published(tmp_path, "hardware=h200x1", "stage.global_batch=8", "model/adapter=lora",
                    f"model.adapter.export={export}")  # fmt: skip
    found = cost(cfg, {})
    assert found.checkpoint_bytes == 3 * 4 * 20971520
    assert found.export_bytes == 4 * weights


def test_an_unknown_model_has_a_limit_and_no_more(tmp_path):
    cfg = composed(tmp_path, "model/start=previous", "+previous=world/base/9", "hardware=a100x8",
                   "stage.global_batch=32")  # fmt: skip
    found = cost(cfg, {})
    assert found.gpu_hours_limit == 192
    assert found.disk_bytes is None
    assert problems(cfg, {}) == []


def test_a_disk_that_is_large_enough_is_no_problem(tmp_path):
    assert problems(composed(tmp_path), {}) == []


def test_a_disk_that_is_too_small_is_told_with_the_keys_to_change(tmp_path):
    """A million checkpoints of 96 GB are more than any disk holds."""
    cfg = published(tmp_path, "hardware=a100x8", "stage.global_batch=32",
                    "checkpointing.keep=1000000")  # fmt: skip
    (problem,) = problems(cfg, {})
    assert problem.startswith("the run will write ")
    assert "(1000000 + 1 checkpoints and the export)" in problem
    assert "GiB left; make room, change paths.runs, or lower checkpointing.keep" in problem
    assert not (tmp_path / "runs").exists()


def test_checkpoints_that_are_there_need_no_more_room(tmp_path):
    """A sparse file as large as all that will be written stands for them."""
    cfg = published(tmp_path, "hardware=a100x8", "stage.global_batch=32", "checkpointing.keep=100")
    there = tmp_path / "runs" / config.run_id(cfg) / "checkpoints" / "step-00000001"
    there.mkdir(parents=True)
    with (there / "trained-0.safetensors").open("wb") as file:
        file.truncate(cost(cfg, {}).disk_bytes)
    assert problems(cfg, {}) == []
