"""Continued pre-training: read running text."""

from medllm.stage.sft import SupervisedTuning


class ContinuedPretraining(SupervisedTuning):
    """The loss of supervised tuning over every token; documents have no unlearnt part."""
