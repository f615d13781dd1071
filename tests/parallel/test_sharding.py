"""Every stage under every strategy on two processes learns what one process learns."""

import json

import pytest
import torch

from medllm.model.adapter import Full, Lora
from medllm.model.export import export, filled
from tests.conftest import tiny_llama
from tests.parallel import trials
from tests.parallel.conftest import ACCUMULATED, KINDS, OFFLOADS, STRATEGIES

pytestmark = pytest.mark.slow
MERGED = Lora(rank=4, alpha=8, dropout=0.0, targets="all-linear", export="merged")


def assert_same(found, expected, *, atol):
    assert found["weights"].keys() == expected["weights"].keys()
    for name, weight in expected["weights"].items():
        torch.testing.assert_close(found["weights"][name], weight, rtol=0, atol=atol, msg=name)
    assert found["norms"] == pytest.approx(expected["norms"], rel=1e-5)
    assert found["rates"] == expected["rates"]
    assert found["losses"] == pytest.approx(expected["losses"], rel=1e-5, abs=1e-5)


@pytest.mark.parametrize("strategy", STRATEGIES)
@pytest.mark.parametrize("kind", KINDS)
def test_two_processes_learn_what_one_learns(trained, kind, strategy):
    """Weights, losses, and the norms of gradients before clipping."""
    one = trained[f"{kind}-one"]
    assert max(one["norms"]) > KINDS[kind]["clip"]  # so it was clipped
    assert_same(trained[f"{kind}-{strategy}"], one, atol=1e-5)


@pytest.mark.parametrize("strategy", OFFLOADS)
def test_offloading_changes_nothing(trained, strategy):
    assert_same(trained[f"pretrain-{strategy}-offload"], trained["pretrain-one"], atol=1e-5)


@pytest.mark.parametrize("strategy", ["zero3", "fsdp2"])
def test_activations_may_be_computed_again_from_sharded_weights(trained, strategy):
    assert_same(
        trained[f"dpo_adapter-{strategy}-recomputed"], trained["dpo_adapter-one"], atol=1e-5
    )


@pytest.mark.parametrize("strategy", ["zero2", "zero3"])
def test_bare_lightning_divides_gradients_under_deepspeed_twice(trained, strategy):
    """Both Lightning 2.6.6 and DeepSpeed 0.19.8 divide by the 2 accumulated micro-batches.

    When this fails, `Zero.backward` can go. Adam hides it; the norm before clipping does not.
    """
    one, bare = (
        trained["pretrain-one"]["norms"][0],
        trained[f"pretrain-{strategy}-bare"]["norms"][0],
    )
    assert bare == pytest.approx(one / ACCUMULATED, rel=1e-5)


@pytest.mark.parametrize("strategy", STRATEGIES)
@pytest.mark.parametrize("kind", ["pretrain", "sft"])
def test_the_exported_folder_is_that_of_one_process(trained, tmp_path, tokenizer, kind, strategy):
    made, adapter = (trials.lora, MERGED) if kind == "sft" else (tiny_llama, Full())
    folders = {}
    for name in ("one", strategy):
        network = filled(made(), trained[f"{kind}-{name}"]["weights"])
        folders[name] = tmp_path / name
        export(network, tokenizer, adapter=adapter, folder=folders[name])
    files = {path.name for path in folders["one"].iterdir()}
    assert files == {path.name for path in folders[strategy].iterdir()}
    for file in files - {"model.safetensors"}:
        assert (folders[strategy] / file).read_bytes() == (folders["one"] / file).read_bytes()
    one, again = (load(folder) for folder in folders.values())
    assert one.keys() == again.keys()
    for name, weight in one.items():
        torch.testing.assert_close(again[name], weight, rtol=0, atol=1e-5)
    assert json.loads((folders[strategy] / "config.json").read_text())["dtype"] == "float32"


def load(folder):
    from safetensors.torch import load_file

    return load_file(folder / "model.safetensors")
