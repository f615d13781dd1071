"""What one forward and backward pass keeps in memory, told by a pass over fake tensors.

Fake tensors have a shape, a type and a storage of some length, and no content. The real
network runs on them, with its real losses, adapters and checkpointing; a dispatch mode counts
the storages that are alive. So every architecture, kernel and trick is counted as it is, with
nothing to keep in step with transformers. Layers are alike: 2 and 3 of them are run, and the
rest is added in proportion.
"""

import functools
import weakref
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from medllm.estimate.architecture import Architecture

if TYPE_CHECKING:
    import torch

FEW = 2  # layers that are run


@dataclass(frozen=True, slots=True)
class Pass:
    """One forward and backward pass on one device.

    rows: of the micro-batch, 2 for each pair.
    length: tokens of a row.
    is_packed: rows hold several documents, so that attention needs a mask.
    reference: "adapter" has a second forward pass without the adapter, "stored" scores of
        pairs, "" means no pairs.
    """

    rows: int
    length: int
    is_packed: bool
    reference: str
    attention: str
    precision: str
    checkpointing: bool


class Trace(NamedTuple):
    """Bytes, without weights, kept gradients and optimizer.

    activations: kept from the forward for the backward pass.
    forward: on top of them, where the forward pass needs most: logits and loss.
    backward: the same of the backward pass: their gradients, or a layer computed again.
    """

    activations: int
    forward: int
    backward: int


@functools.lru_cache(maxsize=256)
def trace(found: Architecture, shape: Pass) -> Trace:
    """What the pass needs."""
    layers = found.of().num_hidden_layers
    if layers <= FEW + 1:
        return _run(found, shape, layers)
    few, more = _run(found, shape, FEW), _run(found, shape, FEW + 1)
    return Trace(*(a + (b - a) * (layers - FEW) for a, b in zip(few, more, strict=True)))


def _run(found: Architecture, shape: Pass, layers: int) -> Trace:
    from torch._subclasses.fake_tensor import FakeTensorMode  # as torch.compile uses it, 2.13

    network = _network(found, shape, layers)
    with FakeTensorMode():
        _fill(network)
        return measured(network, shape)


def _fill(network: "torch.nn.Module") -> None:
    """Replace what has no storage by tensors of the processor: fake ones in their mode."""
    import torch

    with torch.no_grad():
        new = {
            old: torch.empty(old.shape, dtype=old.dtype, device="cpu")
            for old in (*network.parameters(), *network.buffers())
        }
    for module in network.modules():
        for name, weight in module.named_parameters(recurse=False, remove_duplicate=False):
            setattr(module, name, torch.nn.Parameter(new[weight], weight.requires_grad))
        for name, buffer in module.named_buffers(recurse=False, remove_duplicate=False):
            setattr(module, name, new[buffer])


def _network(found: Architecture, shape: Pass, layers: int) -> Any:
    network = found.network(layers=layers, attention=_kernel(shape), precision=shape.precision)
    if shape.checkpointing:  # as `medllm.frozen` does
        network.activation_checkpointing_enable({"use_reentrant": False})
    return network.train()


def _kernel(shape: Pass) -> str:
    """An attention kernel that keeps what the real one keeps.

    Of fake positions transformers 5.23 cannot tell whether they restart, and makes a mask. So
    where there is none, for a single document a row or with flash-attn, which need not be
    installed, it is sdpa without: test_rows_of_one_document_need_no_mask.
    """
    from transformers import AttentionInterface, AttentionMaskInterface
    from transformers.integrations.sdpa_attention import sdpa_attention_forward

    has_mask = shape.is_packed and not shape.reference and shape.attention == "sdpa"
    if has_mask or shape.attention == "eager":
        return shape.attention
    AttentionInterface.register("unmasked", sdpa_attention_forward)
    AttentionMaskInterface.register("unmasked", lambda *_, **__: None)
    return "unmasked"


def measured(network: "torch.nn.Module", shape: Pass) -> Trace:
    """What a pass of `network` needs, of whatever tensors it is made."""
    import torch

    from medllm.losses import token_nll

    ids = torch.ones(shape.rows, shape.length, dtype=torch.long)
    mixed = torch.autocast("cpu", torch.bfloat16, enabled=shape.precision == "bf16-mixed")
    with _alive(network, ids) as count:
        with mixed:
            logits = _logits(network, ids, shape)
            kept = count.now - logits.untyped_storage().nbytes()
            score = token_nll(logits, ids).sum()
            del logits
            if shape.reference == "adapter":
                with torch.no_grad(), _without_adapter(network):
                    anchor = token_nll(_logits(network, ids, shape), ids).sum()
                score = score - anchor
        forward = count.most
        score.backward()
    return Trace(kept, forward - kept, count.most - kept)


def _logits(network: Any, ids: "torch.Tensor", shape: Pass) -> "torch.Tensor":
    """As a stage asks for them."""
    if shape.reference:
        return network(input_ids=ids, use_cache=False).logits
    # Positions that never rise make every token a document; their numbers cost the same.
    positions = ids if shape.is_packed else ids.cumsum(1) - 1
    return network(input_ids=ids, position_ids=positions, use_cache=False).logits


def _without_adapter(network: Any) -> Any:
    return network.disable_adapter() if hasattr(network, "disable_adapter") else nullcontext()


@contextmanager
def _alive(network: "torch.nn.Module", ids: "torch.Tensor") -> Iterator[Any]:
    """Counts the storages that come to life in its context, gradients only while they are made."""
    hooks = [
        weight.register_post_accumulate_grad_hook(_forget)
        for weight in network.parameters()
        if weight.requires_grad
    ]
    with _counter()([*network.parameters(), *network.buffers(), ids]) as count:
        yield count
    for hook in hooks:
        hook.remove()


def _forget(weight: "torch.Tensor") -> None:
    weight.grad = None


@functools.cache
def _counter() -> type:
    """The dispatch mode; made late, since torch takes seconds to import."""
    from torch.utils._python_dispatch import TorchDispatchMode
    from torch.utils._pytree import tree_leaves

    class Alive(TorchDispatchMode):
        """now: bytes of the storages alive. most: of all time. Those of `known` do not count."""

        def __init__(self, known) -> None:
            super().__init__()
            self.now = self.most = 0
            self.sizes = {tensor.untyped_storage()._cdata: 0 for tensor in known}

        def __torch_dispatch__(self, func, types, args=(), kwargs=None):
            out = func(*args, **(kwargs or {}))
            for leaf in tree_leaves(out):
                if hasattr(leaf, "untyped_storage"):
                    self.add(leaf.untyped_storage())
            return out

        def add(self, storage) -> None:
            if storage._cdata in self.sizes:
                return
            self.sizes[storage._cdata] = storage.nbytes()
            self.now += storage.nbytes()
            self.most = max(self.most, self.now)
            weakref.finalize(storage, self.drop, storage._cdata)

        def drop(self, key: int) -> None:
            self.now -= self.sizes.pop(key)

    return Alive
