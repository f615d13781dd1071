"""What a run leaves behind: it reloads to the very model that was trained."""

import json

import pytest
import torch

from medllm.model.adapter import Full, Lora
from medllm.model.export import export
from medllm.model.load import LanguageModel, Pretrained
from medllm.model.template import Template
from tests.conftest import TEMPLATE, tiny_llama
from tests.stage import lessons

IDS = torch.tensor([[1, 4, 70, 80, 90, 5, 100, 2]])


def lora(export):
    return Lora(rank=4, alpha=8, dropout=0.0, targets="all-linear", export=export)


@pytest.fixture
def base(tmp_path, tokenizer):
    """The export of an earlier run."""
    folder = tmp_path / "base"
    export(tiny_llama(), tokenizer, adapter=Full(), folder=folder)
    return folder


def trained(start, adapter, tokenizer, *, seed=0):
    """A network on the weights in `start`, taught for a few steps."""
    model = LanguageModel(
        name="tiny", start=Pretrained(path=str(start), revision=None),
        template=Template(jinja=TEMPLATE), adapter=adapter,
    )  # fmt: skip
    stage = lessons.sft(lambda: model.network(tokenizer, seed=seed), steps=3)
    lessons.fit(stage, lessons.talk(tokenizer))
    return stage.network


@torch.no_grad()
def logits(network):
    return network.eval()(input_ids=IDS).logits.clone()


def reloaded(folder, tokenizer):
    return Pretrained(path=str(folder), revision=None).network(tokenizer, seed=0)


KINDS = pytest.mark.parametrize("adapter", [Full(), lora("merged"), lora("beside")])


@KINDS
def test_an_export_reloads_to_the_trained_logits(base, tmp_path, tokenizer, adapter):
    network = trained(base, adapter, tokenizer)
    expected = logits(network)
    assert (expected - logits(tiny_llama())).abs().max() > 0.1  # it did learn
    export(network, tokenizer, adapter=adapter, folder=tmp_path / "export")
    again = logits(reloaded(tmp_path / "export", tokenizer))
    torch.testing.assert_close(again, expected, rtol=0, atol=1e-5)


@pytest.mark.parametrize(
    ("first", "second"),
    [("beside", "beside"), ("beside", "merged"), ("merged", "beside")],
)
def test_adapters_trained_on_adapters_reload(base, tmp_path, tokenizer, first, second):
    """The second run starts from the first one's export, not from the base under it."""
    before = trained(base, lora(first), tokenizer)
    export(before, tokenizer, adapter=lora(first), folder=tmp_path / "one")
    network = trained(tmp_path / "one", lora(second), tokenizer, seed=1)
    expected = logits(network)
    export(network, tokenizer, adapter=lora(second), folder=tmp_path / "two")
    again = logits(reloaded(tmp_path / "two", tokenizer))
    torch.testing.assert_close(again, expected, rtol=0, atol=1e-5)


def test_an_adapter_finds_its_base_from_any_folder(base, tmp_path, tokenizer, monkeypatch):
    monkeypatch.chdir(tmp_path)
    network = trained("base", lora("beside"), tokenizer)
    expected = logits(network)
    export(network, tokenizer, adapter=lora("beside"), folder=tmp_path / "export")
    monkeypatch.chdir("/")
    again = logits(reloaded(tmp_path / "export", tokenizer))
    torch.testing.assert_close(again, expected, rtol=0, atol=1e-5)


@KINDS
def test_an_export_carries_no_pickle_and_what_a_server_needs(base, tmp_path, tokenizer, adapter):
    folder = tmp_path / "export"
    export(trained(base, adapter, tokenizer), tokenizer, adapter=adapter, folder=folder)
    names = {path.name for path in folder.iterdir()}
    weights = "adapter_model.safetensors" if "adapter_config.json" in names else "model.safetensors"
    assert {weights, "tokenizer.json", "generation_config.json"} <= names
    assert not [name for name in names if name.endswith((".bin", ".pt", ".pth", ".pkl", ".ckpt"))]
    for path in folder.iterdir():  # a pickle or a zip of pickles, whatever its name
        assert path.read_bytes()[:2] not in (b"\x80\x02", b"\x80\x03", b"\x80\x04", b"PK"), path
    generation = json.loads((folder / "generation_config.json").read_text())
    assert generation["eos_token_id"] == 2
    assert generation["pad_token_id"] == 0
    assert generation["bos_token_id"] == 1


@KINDS
def test_tokenizer_and_chat_template_survive(base, tmp_path, tokenizer, adapter):
    folder = tmp_path / "export"
    export(trained(base, adapter, tokenizer), tokenizer, adapter=adapter, folder=folder)
    again = Pretrained(path=str(folder), revision=None).tokenizer()
    said = [{"role": "user", "content": "fever?"}, {"role": "assistant", "content": "阿司匹林 é"}]
    assert again.chat_template == TEMPLATE
    assert again.get_vocab() == tokenizer.get_vocab()
    assert again.apply_chat_template(said) == tokenizer.apply_chat_template(said)
    assert again.eos_token == "<|end|>"


def test_an_export_says_what_it_was_taught_and_then_stops(base, tmp_path, tokenizer):
    """60 steps on three exchanges know them by heart, and the end token is part of them."""
    stage = lessons.sft(lambda: reloaded(base, tokenizer), steps=60)
    lessons.fit(stage, lessons.talk(tokenizer))
    export(stage.network, tokenizer, adapter=Full(), folder=tmp_path / "export")
    again = reloaded(tmp_path / "export", tokenizer).eval()
    assert again.config.use_cache is True
    prompt = tokenizer.apply_chat_template(
        [{"role": "user", "content": "pain?"}], add_generation_prompt=True, return_tensors="pt"
    )
    said = again.generate(**prompt, max_new_tokens=40, do_sample=False)[0]
    assert tokenizer.decode(said[prompt["input_ids"].shape[1] :]) == "a drug<|end|>"


def test_a_bfloat16_model_is_exported_in_bfloat16(tmp_path, tokenizer):
    network = tiny_llama().to(torch.bfloat16)
    export(network, tokenizer, adapter=Full(), folder=tmp_path / "export")
    assert json.loads((tmp_path / "export/config.json").read_text())["dtype"] == "bfloat16"
    again = reloaded(tmp_path / "export", tokenizer)
    for p, q in zip(network.parameters(), again.parameters(), strict=True):
        assert torch.equal(p.float(), q)


class Broken:
    """A tokenizer that cannot be saved, as on a full disk."""

    eos_token_id, pad_token_id, bos_token_id = 2, 0, 1

    def save_pretrained(self, folder):
        raise OSError("no space left on device")


def test_an_export_appears_whole_or_not_at_all(tmp_path):
    folder = tmp_path / "export"
    with pytest.raises(OSError, match="no space left"):
        export(tiny_llama(), Broken(), adapter=Full(), folder=folder)
    assert not folder.exists()


def test_a_failed_export_leaves_the_one_before(base, tokenizer):
    before = (base / "model.safetensors").read_bytes()
    with pytest.raises(OSError, match="no space left"):
        export(tiny_llama(1), Broken(), adapter=Full(), folder=base)
    assert (base / "model.safetensors").read_bytes() == before


def test_an_export_replaces_the_one_before_and_what_a_broken_one_left(base, tokenizer):
    unfinished = base.with_name("base.unfinished")
    unfinished.mkdir()
    (unfinished / "half.safetensors").write_text("half")
    (base / "stale.txt").write_text("stale")
    export(tiny_llama(1), tokenizer, adapter=Full(), folder=base)
    assert not unfinished.exists()
    assert not (base / "stale.txt").exists()
    assert not (base / "half.safetensors").exists()
    torch.testing.assert_close(logits(reloaded(base, tokenizer)), logits(tiny_llama(1)))
