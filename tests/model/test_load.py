"""Where weights come from: the same for the same seed, and refused where they cannot work."""

import pytest
import pytorch_lightning as pl
import torch
import transformers

from medllm.errors import ConfigError
from medllm.model.adapter import Full, Lora
from medllm.model.load import Fresh, LanguageModel, Pretrained
from medllm.model.template import Template
from medllm.model.vocabulary import BytePairs
from tests.conftest import TEMPLATE, TEXT, tiny_llama

ARCHITECTURE = {
    "hidden_size": 32,
    "num_hidden_layers": 1,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "intermediate_size": 48,
    "max_position_embeddings": 64,
    "tie_word_embeddings": True,
}
LORA = Lora(rank=2, alpha=4, dropout=0.0, targets="all-linear", export="merged")


def model(start, adapter=None):
    return LanguageModel(
        name="tiny", start=start, template=Template(jinja=TEMPLATE), adapter=adapter or Full()
    )


@pytest.fixture
def fresh(tmp_path):
    file = tmp_path / "words.txt"
    file.write_text("\n".join(TEXT), encoding="utf-8")
    return Fresh(architecture=ARCHITECTURE, vocabulary=BytePairs(files=[str(file)], size=300))


@pytest.fixture
def folder(tmp_path, tokenizer):
    """A pretrained model as the hub would hold it."""
    made = tmp_path / "pretrained"
    tiny_llama().save_pretrained(made)
    tokenizer.save_pretrained(made)
    return made


def weights(network):
    return torch.cat([p.detach().flatten() for p in network.parameters()])


@pytest.mark.parametrize("adapter", [Full(), LORA])
def test_a_fresh_model_is_the_same_for_the_same_seed(fresh, adapter):
    made = model(fresh, adapter)
    tokenizer = made.tokenizer()
    one, again, other = (weights(made.network(tokenizer, seed=seed)) for seed in (3, 3, 4))
    assert torch.equal(one, again)
    assert not torch.equal(one, other)


def test_adapters_on_pretrained_weights_follow_the_seed_and_nothing_else(folder, tokenizer):
    made = model(Pretrained(path=str(folder), revision=None), LORA)
    one = weights(made.network(tokenizer, seed=3))
    torch.rand(5)  # whatever drew random numbers before
    assert torch.equal(one, weights(made.network(tokenizer, seed=3)))
    assert not torch.equal(one, weights(made.network(tokenizer, seed=4)))


def test_making_a_model_does_not_disturb_other_randomness(fresh):
    made = model(fresh, LORA)
    tokenizer = made.tokenizer()
    torch.manual_seed(0)
    expected = torch.rand(3)
    torch.manual_seed(0)
    made.network(tokenizer, seed=7)
    assert torch.equal(torch.rand(3), expected)


@pytest.mark.parametrize("adapter", [Full(), LORA])
def test_precision_does_not_change_the_weights_that_a_seed_makes(fresh, adapter):
    """Lightning makes models in the run's precision; ours are made first and rounded then."""
    made = model(fresh, adapter)
    tokenizer = made.tokenizer()
    exact = weights(made.network(tokenizer, seed=3))
    plugin = pl.Trainer(precision="bf16-true", accelerator="cpu", logger=False).precision_plugin
    with plugin.module_init_context():
        assert torch.get_default_dtype() == torch.bfloat16
        inside = weights(made.network(tokenizer, seed=3))
        assert torch.get_default_dtype() == torch.bfloat16
    assert torch.equal(exact, inside)


def test_a_fresh_model_fits_its_tokenizer(fresh):
    made = model(fresh)
    tokenizer = made.tokenizer()
    network = made.network(tokenizer, seed=0)
    assert network.config.vocab_size == len(tokenizer) == 300
    ids = network.config.pad_token_id, network.config.bos_token_id, network.config.eos_token_id
    assert ids == (0, 1, 2)
    assert network.config.use_cache is False
    assert network.dtype == torch.float32


def test_pretrained_weights_come_in_float32(folder, tokenizer):
    tiny_llama().to(torch.bfloat16).save_pretrained(folder)
    network = Pretrained(path=str(folder), revision=None).network(tokenizer, seed=0)
    assert {p.dtype for p in network.parameters()} == {torch.float32}


def test_a_tokenizer_without_an_end_token_is_refused(folder, tokenizer):
    tokenizer.eos_token = None
    tokenizer.save_pretrained(folder)
    with pytest.raises(ConfigError, match=r"model.name=tiny has no end token \(eos_token\)"):
        model(Pretrained(path=str(folder), revision=None)).tokenizer()


def test_a_tokenizer_without_padding_pads_with_its_end_token(folder, tokenizer):
    tokenizer.pad_token = None
    tokenizer.save_pretrained(folder)
    assert model(Pretrained(path=str(folder), revision=None)).tokenizer().pad_token_id == 2


@pytest.mark.parametrize("wanted", ["tokenizer", "network"])
def test_a_run_that_was_not_trained_is_refused(wanted, tokenizer):
    start = Pretrained(path="runs/world/cpt/1a2b3c4d/export", revision=None)
    words = "model.start.path=runs/world/cpt/1a2b3c4d/export is no folder: train the run before"
    with pytest.raises(ConfigError, match=words):
        start.tokenizer() if wanted == "tokenizer" else start.network(tokenizer, seed=0)


def test_pickled_weights_are_not_read(folder, tokenizer):
    (folder / "model.safetensors").unlink()
    torch.save(tiny_llama().state_dict(), folder / "pytorch_model.bin")
    with pytest.raises(OSError, match=r"safetensors"):
        Pretrained(path=str(folder), revision=None).network(tokenizer, seed=0)


@pytest.mark.parametrize("targets", ["query", ["query", "key"]])
def test_adapter_targets_that_match_nothing_are_refused(targets, llama):
    adapter = Lora(rank=2, alpha=4, dropout=0.0, targets=targets, export="merged")
    with pytest.raises(ConfigError, match=r"model.adapter.targets=.*query.* fits no layer: "):
        adapter.attach(llama)


def test_all_linear_leaves_out_the_head_and_names_select(llama):
    touched = {name.split(".lora_")[0] for name, p in LORA.attach(llama).named_parameters()
               if p.requires_grad}  # fmt: skip
    assert len(touched) == 2 * 7  # layers of the tiny model, linear maps in each
    assert not any("lm_head" in name for name in touched)
    narrow = Lora(rank=2, alpha=4, dropout=0.0, targets=["q_proj"], export="merged")
    trained = [n for n, p in narrow.attach(tiny_llama()).named_parameters() if p.requires_grad]
    assert len(trained) == 2 * 2  # layers, A and B


def test_a_fresh_adapter_changes_nothing_yet(llama):
    ids = torch.arange(10)[None]
    before = llama(input_ids=ids).logits
    assert torch.equal(LORA.attach(llama).eval()(input_ids=ids).logits, before)


def test_an_adapter_beside_a_fresh_model_is_refused(fresh):
    beside = Lora(rank=2, alpha=4, dropout=0.0, targets="all-linear", export="beside")
    made = model(fresh, beside)
    with pytest.raises(ConfigError, match=r"export=beside names its base, .*use .*=merged"):
        made.network(made.tokenizer(), seed=0)


def test_transformers_is_not_asked_to_run_code_of_a_model(folder, tokenizer):
    """A folder with code of its own does not load as that code."""
    (folder / "code.py").write_text("raise SystemExit('ran')")
    config = transformers.AutoConfig.from_pretrained(folder)
    config.auto_map = {"AutoModelForCausalLM": "code.Model"}
    config.save_pretrained(folder)
    network = Pretrained(path=str(folder), revision=None).network(tokenizer, seed=0)
    assert isinstance(network, transformers.LlamaForCausalLM)
