"""Weights of a longer vocabulary: old rows stay, new ones are means, whatever the base."""

import json
from pathlib import Path

import pytest
import torch

from medllm.errors import ConfigError
from medllm.model.adapter import Full, Lora
from medllm.model.export import export
from medllm.model.load import Extended, Pretrained
from tests.conftest import tiny_llama
from tests.model.extension.longer import longer


@pytest.fixture
def start(tmp_path, base):
    """A model of 320 entries with 12 more."""
    return started(tiny_llama(), base, tmp_path)


def started(network, tokenizer, folder, **keys):
    network.save_pretrained(folder / "base")
    tokenizer.save_pretrained(folder / "base")
    longer(tokenizer, folder / "extension")
    base = Pretrained(path=str(folder / "base"), revision=None)
    return Extended(base=base, folder=str(folder / "extension"), **{"mean_of": "parts", **keys})


def made(start):
    return start.network(start.tokenizer(), seed=0)


def parts(start):
    return json.loads((Path(start.folder) / "extension.json").read_text())["parts"]


def both(network):
    """Embeddings and head."""
    return network.get_input_embeddings().weight, network.get_output_embeddings().weight


def test_old_rows_stay_and_new_ones_are_means(start):
    network, before = made(start), tiny_llama()
    assert network.config.vocab_size == 332
    for old, new in zip(both(before), both(network), strict=True):
        assert torch.equal(new[:320], old)
        for number, those in enumerate(parts(start), start=320):
            torch.testing.assert_close(new[number], sum(old[n] for n in those) / len(those))
    others = dict(before.named_parameters())
    for name, weight in network.named_parameters():
        assert weight.shape != others[name].shape or torch.equal(weight, others[name])


def test_every_new_row_may_be_the_mean_of_all(tmp_path, base):
    network = made(started(tiny_llama(), base, tmp_path, mean_of="all"))
    for old, new in zip(both(tiny_llama()), both(network), strict=True):
        torch.testing.assert_close(new[320:], old.mean(0).expand(12, -1))


def test_tied_embeddings_stay_tied(tmp_path, base):
    network = tiny_llama()
    network.config.tie_word_embeddings = True
    network.tie_weights()
    network = made(started(network, base, tmp_path))
    assert both(network)[0] is both(network)[1]


@pytest.mark.parametrize(("rows", "expected"), [(326, 332), (384, 384)])
def test_rows_to_spare_are_used_first(tmp_path, base, rows, expected):
    wide = tiny_llama()
    wide.resize_token_embeddings(rows, mean_resizing=False)
    start = started(wide, base, tmp_path)
    network = made(start)
    for old, new in zip(both(wide), both(network), strict=True):
        assert len(new) == expected
        assert torch.equal(new[:320], old[:320])
        assert torch.equal(new[332:], old[332:])
        torch.testing.assert_close(new[320], old[parts(start)[0]].mean(0))


def test_nothing_about_a_longer_model_is_random(start):
    torch.manual_seed(0)
    expected = torch.rand(3)
    torch.manual_seed(0)
    one, other = made(start), start.network(start.tokenizer(), seed=1)
    assert torch.equal(torch.rand(3), expected)
    assert all(torch.equal(*pair) for pair in zip(both(one), both(other), strict=True))


def test_a_longer_model_is_exported_and_read_again(start, tmp_path):
    tokenizer, ids = start.tokenizer(), torch.tensor([[1, 321, 70, 331]])
    network = start.network(tokenizer, seed=0).eval()
    expected = network(input_ids=ids).logits
    export(network, tokenizer, adapter=Full(), folder=tmp_path / "export")
    again = Pretrained(path=str(tmp_path / "export"), revision=None)
    assert again.tokenizer().get_vocab() == tokenizer.get_vocab()
    assert torch.equal(again.network(tokenizer, seed=0).eval()(input_ids=ids).logits, expected)


def test_an_adapter_beside_a_longer_model_is_refused(start):
    """Its base has too few rows."""
    beside = Lora(rank=2, alpha=4, dropout=0.0, targets="all-linear", export="beside")
    with pytest.raises(ConfigError, match=r"export=beside names its base, .*use .*=merged"):
        beside.attach(made(start))


def test_an_extension_of_another_tokenizer_is_refused(start, letters):
    letters.save_pretrained(start.base.path)
    with pytest.raises(ConfigError, match=r"folder=.* extends another tokenizer than that of mod"):
        start.tokenizer()


def test_a_folder_without_an_extension_is_refused(start):
    (Path(start.folder) / "extension.json").unlink()
    words = f"model.start.folder={start.folder} holds no extension; make it: medllm vocabulary"
    with pytest.raises(ConfigError, match=words):
        start.tokenizer()


def test_a_base_without_weights_is_refused(start):
    (Path(start.base.path) / "model.safetensors").unlink()
    with pytest.raises(ConfigError, match=r"model.start.base.path=.* has no weights \(\*.safetens"):
        made(start)
