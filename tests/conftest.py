"""What every test may lean on: real files, a tiny model, a tiny tokenizer, and no cluster.

Torch and transformers are imported inside the makers, so that the tests of config, of the
command line and of the floors start at once.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import hypothesis
import pytest
from absl import logging as absl_logging

# Two test workers on two cores: one thread each is faster than two that fight. No test may
# reach a hub. Set before anything imports torch or tokenizers.
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
os.environ["HF_HUB_OFFLINE"] = "1"

# The first example of a test may wait for numba to compile, and machines are shared.
hypothesis.settings.register_profile("patient", deadline=None)
hypothesis.settings.load_profile("patient")

# absl, which rouge_score logs with, keeps the stream that pytest shows it while it collects, and
# closes it when Hydra sets up logging anew; no test after that could be captured.
absl_logging.get_absl_handler().python_handler.stream = sys.__stderr__

REPO = Path(__file__).resolve().parent.parent
VOCAB = 320

ROLES = ("system", "user", "assistant")
# Only what stands between the generation marks is learnt, and the end of the turn is among it.
TEMPLATE = (
    "{{ bos_token }}{% for message in messages %}<|{{ message.role }}|>"
    "{% if message.role == 'assistant' %}"
    "{% generation %}{{ message.content }}{{ eos_token }}{% endgeneration %}"
    "{% else %}{{ message.content }}{% endif %}"
    "{% endfor %}{% if add_generation_prompt %}<|assistant|>{% endif %}"
)
TEXT = [
    "The patient has a fever and a cough; the doctor gives the patient a drug for the fever.",
    "患者发热咳嗽，医生给患者开药。患者的症状是发热和头痛，治疗用药是阿司匹林。",
]


def pytest_collection_modifyitems(items):
    """Skip what needs hardware that is not here, and say so."""
    needed = {"gpu": "nvidia-smi", "slurm": "sinfo"}
    absent = {mark: tool for mark, tool in needed.items() if not _answers(tool)}
    for item in items:
        for mark in absent.keys() & item.keywords.keys():
            item.add_marker(pytest.mark.skip(reason=f"{absent[mark]} is not there or finds none"))


def _answers(tool):
    """Slurm's commands may be installed while no cluster is up."""
    if not shutil.which(tool):
        return False
    try:
        return not subprocess.run([tool], capture_output=True, timeout=20, check=False).returncode
    except subprocess.TimeoutExpired:
        return False


@pytest.fixture(autouse=True)
def no_cluster(request, tmp_path_factory, monkeypatch):
    """A test may never reach a real scheduler: sbatch is a stub that fails."""
    if "slurm" in request.keywords:
        return
    stub = tmp_path_factory.getbasetemp() / "stubs" / "sbatch"
    stub.parent.mkdir(exist_ok=True)
    stub.write_text("#!/bin/sh\necho 'no cluster in tests' >&2; exit 1\n")
    stub.chmod(0o755)
    monkeypatch.setenv("PATH", f"{stub.parent}:{os.environ['PATH']}")


@pytest.fixture(scope="session")
def shared_data():
    """The folder of real corpora that lies beside the checkout, in the layout of its README."""
    folder = REPO.parent / "shared" / "data"
    if not folder.is_dir():
        pytest.skip(f"no real corpora at {folder}")
    return folder


def tiny_llama(seed=0):
    """A 2-layer Llama with fixed random weights: 320 tokens, width 32, up to 256 positions."""
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    torch.manual_seed(seed)
    return LlamaForCausalLM(
        LlamaConfig(
            vocab_size=VOCAB,
            hidden_size=32,
            intermediate_size=64,
            num_hidden_layers=2,
            num_attention_heads=4,
            num_key_value_heads=2,
            max_position_embeddings=256,
            pad_token_id=0,
            bos_token_id=1,
            eos_token_id=2,
        )
    )


def tiny_tokenizer():
    """Byte-level BPE with 320 entries: pad 0, begin 1, end 2, three roles, bytes, a few merges.

    Knows a beginning, an end and a chat template with generation marks. A Chinese character
    that is not in `TEXT` is several tokens, so characters that tokens split can be tested.
    """
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    core = Tokenizer(models.BPE())
    core.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    core.decoder = decoders.ByteLevel()
    special = ["<|pad|>", "<|begin|>", "<|end|>", *(f"<|{role}|>" for role in ROLES)]
    trainer = trainers.BpeTrainer(
        vocab_size=VOCAB,
        special_tokens=special,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    core.train_from_iterator(TEXT, trainer)
    return PreTrainedTokenizerFast(
        tokenizer_object=core,
        pad_token="<|pad|>",
        bos_token="<|begin|>",
        eos_token="<|end|>",
        additional_special_tokens=special[3:],
        chat_template=TEMPLATE,
    )


@pytest.fixture
def llama():
    return tiny_llama().eval()


@pytest.fixture
def tokenizer():
    return tiny_tokenizer()
