"""Floating-point operations of training, and what share of a device's peak they reach.

Model FLOPs utilisation as in appendix B of PaLM (Chowdhery et al. 2022, arXiv 2204.02311): what
the mathematics asks for, divided by the peak. Computing activations again in the backward pass
costs time and counts nothing. Attention counts over whole rows, though half of it is masked:
their convention, so that figures can be compared.
"""

from omegaconf import DictConfig

from medllm.estimate.size import Size


def flops_per_token(size: Size, cfg: DictConfig) -> float:
    """Operations for each token that is read, learnt or not, padding included.

    M weights in products, of them T trained: forward 2M, gradients of inputs 2M, of weights 2T.
    So 6M where all is trained and 4M for adapters. Attention of L layers over rows of S tokens:
    12 L S (heads x width of a head). A reference scored without the adapter is one more forward.
    """
    multiplied = size.multiplied
    trained = multiplied if size.trained == size.parameters else size.trained
    forward = 2 * multiplied + 4 * size.layers * size.attention * cfg.data.seq_len
    backward = 2 * forward - 2 * (multiplied - trained)
    passes = 2 if cfg.stage.get("reference") == "adapter" else 1
    return float(passes * forward + backward)


def mfu(
    tokens_per_second: float, *, flops_per_token: float, peak_flops: float, devices: int
) -> float:
    """Share of the peak of all devices, in [0, 1].

    Args:
        tokens_per_second: read by all devices together.
        peak_flops: of one device.
    """
    return tokens_per_second * flops_per_token / (peak_flops * devices)
