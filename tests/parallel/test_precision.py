"""What is kept in bfloat16, and what is not."""

import pytest
import torch

from medllm.config import check, compose
from medllm.errors import ConfigError
from medllm.parallel.precision import FrozenHalf
from tests.stage import lessons
from tests.stage.test_precision import lora

HALF = "hardware.precision=bf16-true"
TWO = "hardware=cpu2"


def test_adapters_stay_in_float32_above_a_base_in_bfloat16(tokenizer):
    stage = lessons.sft(lora, steps=2)
    lessons.fit(stage, lessons.talk(tokenizer), plugins=[FrozenHalf("bf16-true")])
    kept = {True: set(), False: set()}
    for parameter in stage.network.parameters():
        kept[parameter.requires_grad].add(parameter.dtype)
    assert kept == {True: {torch.float32}, False: {torch.bfloat16}}


@pytest.mark.parametrize("more", [[], [TWO], [TWO, "hardware.strategy=fsdp2"]])
def test_all_weights_are_not_trained_where_updates_would_be_rounded_away(more):
    cfg = compose("train", ["experiments=world/base", "world=tiny", *more, HALF])
    with pytest.raises(ConfigError, match="would round most updates of a fully trained model away"):
        check(cfg, "train")


@pytest.mark.parametrize("more", [["model/adapter=lora"], [TWO, "hardware.strategy=zero2"]])
def test_bfloat16_is_taken_where_something_keeps_the_originals(more):
    check(compose("train", ["experiments=world/base", "world=tiny", *more, HALF]), "train")
