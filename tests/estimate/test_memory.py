"""What a device needs, part by part, and what would need less."""

import pytest

from medllm.estimate.architecture import Unknown
from medllm.estimate.memory import CONTEXT, HELDOUT, ROOM, lighter, memory, suggestion
from tests.estimate.made import LLAMA_3_8B_WEIGHTS as N
from tests.estimate.made import composed, published

WORLD_S = 479904  # weights, see test_size
GIB = 2**30
EIGHT = ["hardware=a100x8", "stage.global_batch=32"]


def part(need, name, moment="update"):
    return need.moments[moment].get(name, 0)


def held(need):
    """What lies on a device between two steps: weights, gradients and optimizer."""
    return sum(part(need, name) for name in ("weights", "gradients", "optimizer"))


@pytest.mark.parametrize(
    ("precision", "each"),
    [
        ("32-true", 16),  # 4 of weight, 4 of gradient, 8 of AdamW
        ("bf16-mixed", 16),
        ("bf16-true", 8),
        ("64-true", 32),
    ],
)
def test_one_device_holds_so_many_bytes_a_weight(tmp_path, precision, each):
    need = memory(composed(tmp_path, f"hardware.precision={precision}"), {})
    assert held(need) == each * WORLD_S


def test_an_adapter_has_gradients_and_optimizer_of_its_own_only(tmp_path):
    """43,776 of them, see test_size; the base is weights and no more."""
    need = memory(composed(tmp_path, "model/adapter=lora"), {})
    assert held(need) == 4 * (WORLD_S + 43776) + 12 * 43776


@pytest.mark.parametrize(
    ("strategy", "expected"),
    [  # of 8 devices, in bf16; DeepSpeed keeps 12 bytes a weight in float32
        ("ddp", 8 * N),
        ("zero1", (2 + 2 + 12 / 8) * N),
        ("zero2", (2 + (2 + 12) / 8) * N),  # 16 + 112 / n GB of performance.md: 30 GB
        ("zero3", (2 + 2 + 12) / 8 * N),
        ("fsdp2", 8 / 8 * N),
    ],
)
def test_a_strategy_shards_what_it_should(tmp_path, strategy, expected):
    cfg = published(tmp_path, *EIGHT, f"hardware.strategy={strategy}")
    assert held(memory(cfg, {})) == pytest.approx(expected, rel=1e-6)


def test_the_published_30_gb_of_zero2_on_8_devices(tmp_path):
    assert held(memory(published(tmp_path, *EIGHT), {})) == pytest.approx(30e9, rel=0.01)


def test_mixed_is_all_bf16_under_deepspeed(tmp_path):
    mixed = published(tmp_path, *EIGHT, "hardware.precision=bf16-mixed")
    assert memory(mixed, {}) == memory(published(tmp_path, *EIGHT), {})


def test_the_optimizer_can_lie_in_the_memory_of_the_node(tmp_path):
    """12 bytes a weight, 8 while it updates, for all 8 devices of a node together."""
    cfg = published(tmp_path, *EIGHT, "hardware.offload=optimizer")
    need = memory(cfg, {})
    assert part(need, "optimizer") == 0
    assert need.host["offloaded"] == pytest.approx(20 * N, rel=1e-6)


@pytest.mark.parametrize("strategy", ["zero3", "fsdp2"])
def test_all_can_lie_in_the_memory_of_the_node(tmp_path, strategy):
    cfg = published(tmp_path, *EIGHT, f"hardware.strategy={strategy}", "hardware.offload=all")
    need = memory(cfg, {})
    assert held(need) == 0
    assert need.total < 40 * GIB


def test_every_process_reads_the_model_in_float32_unless_it_is_sharded(tmp_path):
    whole = memory(published(tmp_path, *EIGHT), {})
    shared = memory(published(tmp_path, *EIGHT, "hardware.strategy=zero3"), {})
    assert whole.host["loading the model"] == 8 * 4 * N
    assert shared.host["loading the model"] == 4 * N


def test_gradients_are_there_in_a_backward_pass_that_adds_to_them(tmp_path):
    once = memory(composed(tmp_path), {})
    twice = memory(composed(tmp_path, "hardware.micro_batch=10"), {})
    assert part(once, "gradients", "backward") == 0
    assert part(once, "gradients", "forward") == 4 * WORLD_S
    assert part(twice, "gradients", "backward") == 4 * WORLD_S


def test_a_pair_is_two_rows(tmp_path):
    chosen = ["model/start=world_s", "previous=none", "data.packing=none"]
    pairs = composed(tmp_path, *chosen, "hardware.micro_batch=2", experiment="world/dpo")
    rows = composed(tmp_path, "model/adapter=lora", "data.packing=none", "hardware.micro_batch=4",
                    "data.seq_len=128")  # fmt: skip
    one, other = memory(pairs, {}), memory(rows, {})
    assert part(one, "activations", "forward") == pytest.approx(
        part(other, "activations", "forward"), rel=0.01
    )


def test_held_out_text_is_scored_in_bites(tmp_path):
    """4,096 tokens at once of 1,536 entries: logits, a copy for the shift, and log-softmax."""
    need = memory(composed(tmp_path, "data.seq_len=512"), {})
    assert part(need, "logits, loss", "heldout") == 4096 * 1536 * (4 + 4 + 4)


def test_there_is_no_held_out_moment_without_held_out_text(tmp_path):
    without = ["~data.heldout.general", "~data.heldout.medical"]
    assert "heldout" not in memory(composed(tmp_path, *without), {}).moments


def test_the_bites_are_those_of_the_stage():
    from medllm.stage import heldout

    assert HELDOUT == (heldout.TOKENS, heldout.ROWS)


def test_total_is_the_worst_moment(tmp_path):
    need = memory(published(tmp_path, *EIGHT), {})
    assert need.total == max(sum(parts.values()) for parts in need.moments.values())
    assert need.total == sum(need.moments[need.worst].values())


def test_a_device_is_filled_up_to_a_margin(tmp_path):
    """8 B in bf16 under ZeRO-2: 30 GB and little more on 80 GiB; on 24 GiB it does not fit."""
    large = memory(published(tmp_path, *EIGHT), {})
    small = memory(published(tmp_path, *EIGHT, "hardware.device=rtx3090"), {})
    assert large.fits
    assert not small.fits
    assert large.total <= ROOM * 80 * GIB


def test_nobody_knows_whether_a_nameless_device_is_large_enough(tmp_path):
    assert memory(published(tmp_path, "hardware=gpu1", "stage.global_batch=8"), {}).fits is None


def test_processors_share_the_memory_of_their_node(tmp_path):
    cfg = composed(tmp_path, "hardware=slurm2", "hardware.devices=2")  # 4G each
    assert memory(cfg, {}).capacity == 2 * GIB


def test_an_unknown_model_has_unknown_memory(tmp_path):
    cfg = composed(tmp_path, "model/start=previous", "+previous=world/base/9")
    assert isinstance(memory(cfg, {}), Unknown)
    assert lighter(cfg, {}) == []
    assert suggestion(cfg).startswith("lower hardware.micro_batch; no estimate, since the run")


TIGHT = ["hardware=a100x8", "stage.global_batch=128", "hardware.micro_batch=16",
         "hardware.gradient_checkpointing=false", "hardware.strategy=ddp",
         "data.seq_len=2048"]  # fmt: skip


@pytest.mark.slow
def test_what_needs_less_is_offered_least_costly_first(tmp_path):
    cfg = published(tmp_path, *TIGHT)
    assert not memory(cfg, {}).fits
    assert [way.partition("  (")[0] for way in lighter(cfg, {})] == [
        "hardware.strategy=zero1 hardware.micro_batch=1",
        "hardware.gradient_checkpointing=true hardware.strategy=zero1 hardware.micro_batch=8",
        "hardware.strategy=zero2 hardware.micro_batch=2",
        "hardware.gradient_checkpointing=true hardware.strategy=zero2 hardware.micro_batch=8",
        "hardware.strategy=fsdp2 hardware.micro_batch=2",
    ]


def test_offloading_is_offered_where_nothing_else_fits(tmp_path):
    """On 24 GiB each: weights in bf16, and 1/8 of the 14 bytes more, are 30 GB of ZeRO-2."""
    cfg = published(tmp_path, *EIGHT, "hardware.device=a10", "hardware.strategy=zero3",
                    "hardware.micro_batch=1")  # fmt: skip
    assert "hardware.offload=optimizer" in lighter(cfg, {})[0]


@pytest.mark.slow
def test_what_is_offered_fits_when_it_is_taken(tmp_path):
    cfg = published(tmp_path, *TIGHT)
    ways = lighter(cfg, {})
    for way in (ways[0], ways[-1]):
        overrides, _, size = way.partition("  (")
        need = memory(published(tmp_path, *TIGHT, *overrides.split()), {})
        assert need.fits
        assert size == f"{need.total / GIB:.1f} GiB)"


def test_out_of_memory_suggests_what_needs_less_than_what_was_foretold(tmp_path):
    """Though it was said to fit: on this machine, the smallest model with rows of 512 does."""
    cfg = composed(tmp_path, "data.seq_len=512", "stage.global_batch=64")
    said = suggestion(cfg)
    assert said.startswith("the run needs about ")
    assert "hardware.micro_batch=" in said


def test_where_nothing_helps_more_hardware_is_asked_for(tmp_path):
    cfg = published(tmp_path, "hardware=gpu1", "hardware.device=rtx3090", "hardware.micro_batch=1",
                    "stage.global_batch=8")  # fmt: skip
    assert lighter(cfg, {}) == []
    assert suggestion(cfg).endswith("makes it fit; take more or larger devices")


def test_python_with_torch_is_counted_once_a_process(tmp_path):
    assert part(memory(composed(tmp_path), {}), "context") == CONTEXT["cpu"]
