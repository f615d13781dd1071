"""Pre-training from random weights, which only a world of its own needs."""

from medllm.stage.cpt import ContinuedPretraining


class Pretraining(ContinuedPretraining):
    """The loss of continued pre-training; what differs is where the weights start."""
