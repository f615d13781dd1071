"""One-stage adaptation: corpus rewritten as instructions, and instructions, in one order.

HuatuoGPT-II, Chen et al. 2023 (arXiv 2311.09774).
"""

from medllm.stage.sft import SupervisedTuning


class OneStage(SupervisedTuning):
    """The loss of supervised tuning; what is unified is the data, not the loss."""
