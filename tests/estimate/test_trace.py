"""A pass over fake tensors keeps what a pass over real ones keeps, byte for byte."""

import json
from dataclasses import replace

import pytest
import torch
from transformers import LlamaConfig, Qwen2Config

from medllm.estimate.architecture import Architecture
from medllm.estimate.trace import Pass, measured, trace
from medllm.model.adapter import Full, Lora

SIZES = {
    "hidden_size": 64, "intermediate_size": 160, "num_hidden_layers": 5, "num_attention_heads": 4,
    "num_key_value_heads": 2, "vocab_size": 500,
}  # fmt: skip
LORA = Lora(rank=4, alpha=8, dropout=0.05, targets="all-linear", export="merged")
PLAIN = Pass(
    rows=3, length=32, is_packed=True, reference="", attention="sdpa", precision="32-true",
    checkpointing=False,
)  # fmt: skip
SHAPES = {
    "packed": PLAIN,
    "one document a row": replace(PLAIN, is_packed=False),
    "eager": replace(PLAIN, attention="eager"),
    "checkpointing": replace(PLAIN, checkpointing=True),
    "bf16-true": replace(PLAIN, precision="bf16-true"),
    "bf16-mixed": replace(PLAIN, precision="bf16-mixed"),
    "64-true": replace(PLAIN, precision="64-true"),
}


def llama(adapter=None, kind=LlamaConfig, **fields):
    said = kind(**SIZES | fields).to_dict()
    return Architecture(json.dumps(said, sort_keys=True), adapter or Full())


def of_real_tensors(found, shape):
    """The same with numbers: weights that are made as `Attempt` makes them."""
    from transformers import AutoModelForCausalLM

    network = AutoModelForCausalLM.from_config(found.of(), dtype=torch.float32)
    network.set_attn_implementation(shape.attention)
    network = found.adapter.attach(network)
    if shape.checkpointing:
        network.activation_checkpointing_enable({"use_reentrant": False})
    dtypes = {"bf16-true": torch.bfloat16, "64-true": torch.float64}
    return measured(network.to(dtypes.get(shape.precision, torch.float32)).train(), shape)


@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
@pytest.mark.parametrize("found", [llama(), llama(LORA), llama(kind=Qwen2Config)],
                         ids=["all weights", "LoRA", "qwen2"])  # fmt: skip
def test_fake_tensors_keep_what_real_ones_keep(found, shape):
    assert trace(found, shape) == of_real_tensors(found, shape)


@pytest.mark.parametrize("checkpointing", [False, True])
def test_preferences_keep_what_real_ones_keep_with_their_reference(checkpointing):
    shape = replace(PLAIN, rows=4, reference="adapter", checkpointing=checkpointing)
    assert trace(llama(LORA), shape) == of_real_tensors(llama(LORA), shape)


def test_rows_of_one_document_need_no_mask():
    """Per layer a float mask of 3 x 32 x 32, and keys and values for 2 more heads of 16 each."""
    packed, single = trace(llama(), PLAIN), trace(llama(), SHAPES["one document a row"])
    mask, heads = 4 * 3 * 32 * 32, 2 * 4 * 3 * 32 * 2 * 16
    assert packed.activations - single.activations == 5 * (mask + heads)


def test_flash_attention_is_counted_where_it_is_not_installed():
    flash = replace(PLAIN, attention="flash_attention_2", rows=1)
    assert trace(llama(), flash) == trace(llama(), replace(PLAIN, rows=1, is_packed=False))


def test_checkpointing_keeps_the_input_of_each_layer():
    """Float32 inputs of 3 x 32 tokens and width 64 for each of 5 layers, before anything else."""
    deep = trace(llama(), SHAPES["checkpointing"])
    deeper = trace(llama(num_hidden_layers=7), SHAPES["checkpointing"])
    assert deeper.activations - deep.activations == 2 * 4 * 3 * 32 * 64


def test_logits_are_what_is_left_when_layers_keep_little():
    """Of 3 x 32 tokens and 500 entries: logits, their log-softmax and a gradient, in float32."""
    loss = trace(llama(num_hidden_layers=1), PLAIN).backward
    assert 3 * 4 * 3 * 32 * 500 <= loss <= 4 * 4 * 3 * 32 * 500


# Published or computed for Llama-3-8B in bf16 (shared/design/performance.md, section 1).
LLAMA_3_8B = llama(
    hidden_size=4096, intermediate_size=14336, num_hidden_layers=32, num_attention_heads=32,
    num_key_value_heads=8, vocab_size=128256,
)  # fmt: skip
LONG = replace(PLAIN, rows=1, length=2048, is_packed=False, precision="bf16-true")


def test_llama_3_8b_keeps_5_7_mb_a_token():
    assert trace(LLAMA_3_8B, LONG).activations / 2048 == pytest.approx(5.7e6, rel=0.15)


def test_llama_3_8b_keeps_0_26_mb_a_token_with_checkpointing():
    """32 inputs of 4,096 in bf16, and the last norm's in float32."""
    kept = trace(LLAMA_3_8B, replace(LONG, checkpointing=True)).activations
    assert kept / 2048 == pytest.approx(0.26e6, rel=0.2)


def test_logits_of_152_thousand_entries_take_3_7_gb():
    said = json.loads(LLAMA_3_8B.config) | {"vocab_size": 152064}
    found = Architecture(json.dumps(said), Full())
    assert trace(found, LONG).backward == pytest.approx(3.7e9, rel=0.1)
