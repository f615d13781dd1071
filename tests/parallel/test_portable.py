"""A checkpoint is exact in the layout that wrote it, and good in every other."""

import pytest
import torch
from safetensors import safe_open

from tests.parallel import trials
from tests.parallel.conftest import KINDS, OFFLOADS, RESUMED, STRATEGIES, in_processes

pytestmark = pytest.mark.slow


def assert_close(found, expected):
    for name, weight in expected["weights"].items():
        torch.testing.assert_close(found["weights"][name], weight, rtol=0, atol=1e-6, msg=name)
    assert found["norms"] == pytest.approx(expected["norms"][2:], rel=1e-5)
    assert found["rates"] == expected["rates"][2:]


VARIANTS = [
    *[f"{kind}-{strategy}" for kind in RESUMED for strategy in STRATEGIES],
    *[f"sft-{strategy}-mixed" for strategy in STRATEGIES],
    *[f"pretrain-{strategy}-offload" for strategy in OFFLOADS],
]


@pytest.mark.parametrize("name", VARIANTS)
def test_a_resumed_run_equals_the_uninterrupted_one_bit_for_bit(trained, name):
    whole, resumed = trained[name], trained[f"{name}-again"]
    assert resumed["norms"] == whole["norms"][2:]
    assert resumed["rates"] == whole["rates"][2:]
    for key, weight in whole["weights"].items():
        assert torch.equal(resumed["weights"][key], weight), key


@pytest.mark.parametrize("strategy", STRATEGIES)
@pytest.mark.parametrize("kind", RESUMED)
def test_two_processes_go_on_from_what_one_wrote(trained, kind, strategy):
    assert_close(trained[f"{kind}-{strategy}-from_one"], trained[f"{kind}-one"])


@pytest.mark.parametrize("strategy", STRATEGIES)
@pytest.mark.parametrize("kind", RESUMED)
def test_one_process_goes_on_from_what_two_wrote(trained, tmp_path, kind, strategy):
    name = f"{kind}-{strategy}"
    resume = [2, trained.checkpoint(name)]
    again = trials.trial(kind=kind, folder=str(tmp_path), resume=resume, **KINDS[kind])
    assert_close(again, trained[name])


def test_four_processes_go_on_from_what_two_wrote(trained, tmp_path):
    jobs = [
        {"name": name, "kind": "pretrain", "strategy": name, **KINDS["pretrain"],
         "resume": [2, str(trained.checkpoint(f"pretrain-{name}"))]}
        for name in STRATEGIES
    ]  # fmt: skip
    in_processes(4, jobs, tmp_path)
    for name in STRATEGIES:
        assert_close(torch.load(tmp_path / f"{name}.pt"), trained[f"pretrain-{name}"])


@pytest.mark.parametrize("strategy", ["one", *STRATEGIES])
def test_a_checkpoint_of_an_adapter_holds_nothing_frozen_and_no_pickled_objects(trained, strategy):
    folder = trained.checkpoint(f"sft-{strategy}")
    counters = torch.load(folder / "counters.pt", weights_only=True)
    assert counters["state_dict"] == {}
    assert counters["global_step"] == 2
    kept = set()
    for file in folder.glob("trained-*.safetensors"):
        with safe_open(file, framework="pt") as opened:
            kept |= set(opened.keys())
    assert {name.partition("|")[2] for name in kept} == {"", "exp_avg", "exp_avg_sq", "step"}
    assert all(".lora_A." in name or ".lora_B." in name for name in kept)
    names = {f"network.{name}" for name in trained[f"sft-{strategy}"]["weights"]}
    assert {name for name in kept if "|" not in name} == names
