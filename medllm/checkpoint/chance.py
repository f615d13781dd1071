"""The random states of a rank, as tensors and plain numbers: checkpoints are never unpickled."""

import random
from typing import Any

import numpy as np
import torch


def taken() -> dict[str, Any]:
    """The states of Python, NumPy, torch and this process's GPUs."""
    version, words, gauss = random.getstate()
    kind, keys, place, has_gauss, cached = np.random.get_state()
    assert kind == "MT19937", "numpy's global generator"
    state: dict[str, Any] = {
        "python": [version, list(words), gauss],
        "numpy": [torch.from_numpy(np.asarray(keys).astype(np.int64)), place, has_gauss, cached],
        "torch": torch.get_rng_state(),
    }
    if torch.cuda.is_available():
        state["cuda"] = torch.cuda.get_rng_state()
    return state


def given_back(state: dict[str, Any]) -> None:
    """Put the random states back as `taken` found them."""
    version, words, gauss = state["python"]
    random.setstate((version, tuple(words), gauss))
    keys, place, has_gauss, cached = state["numpy"]
    np.random.set_state(("MT19937", keys.numpy().astype(np.uint32), place, has_gauss, cached))
    torch.set_rng_state(state["torch"])
    if "cuda" in state and torch.cuda.is_available():
        torch.cuda.set_rng_state(state["cuda"])
