import pickle

import torch

from medllm.parallel.loading import loaded, skeleton
from tests.conftest import tiny_llama
from tests.parallel.trials import hardware, lora


def test_a_skeleton_is_the_network_without_its_numbers():
    network = lora()
    words = skeleton(network)
    bones = pickle.loads(words)
    assert type(bones) is type(network)
    for (name, whole), (same, hollow) in zip(
        network.named_parameters(), bones.named_parameters(), strict=True
    ):
        assert name == same
        assert (hollow.shape, hollow.dtype) == (whole.shape, whole.dtype)
        assert hollow.requires_grad == whole.requires_grad
        assert hollow.untyped_storage().nbytes() == hollow.itemsize
    for whole, same in zip(network.buffers(), bones.buffers(), strict=True):
        assert torch.equal(whole, same)


def test_a_skeleton_keeps_what_layers_share():
    network = tiny_llama()
    network.lm_head.weight = network.model.embed_tokens.weight
    bones = pickle.loads(skeleton(network))
    assert bones.lm_head.weight is bones.model.embed_tokens.weight


def test_one_process_loads_as_ever():
    network = tiny_llama()
    assert loaded(lambda: network, hardware(devices=1, strategy="fsdp2")) is network
