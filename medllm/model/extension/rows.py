"""Weights for new entries: a row of the embeddings, and of the head where it is not the same."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from medllm.errors import ConfigError

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerFast


def check(base: "PreTrainedTokenizerFast", longer: "PreTrainedTokenizerFast", folder: Path) -> None:
    """Refuse an extension that was made for another tokenizer.

    Raises:
        ConfigError: an entry of `base` has another id in `longer`.
    """
    after = longer.get_vocab()
    base_size = _written(folder)["base"]
    moved = [token for token, number in base.get_vocab().items() if after.get(token) != number]
    if moved or max(base.get_vocab().values()) + 1 != base_size:
        raise ConfigError(
            [
                f"model.start.folder={folder} extends another tokenizer than that of "
                f"model.start.base.path={base.name_or_path}"
            ]
        )


def lengthen(network: "PreTrainedModel", folder: Path, *, mean_of: Literal["parts", "all"]) -> None:
    """Give `network` a row for every new entry, the mean of old ones; those stay as they are.

    Rows that the base has to spare, as padding, are used first.

    Args:
        folder: of the extension.
        mean_of: the rows of the tokens that an entry stands for, or those of the whole base.
    """
    import torch

    base, parts = (_written(folder)[key] for key in ("base", "parts"))
    if base + len(parts) > next(network.get_input_embeddings().parameters()).shape[0]:
        network.resize_token_embeddings(base + len(parts), mean_resizing=False)
    layers: list[Any] = [network.get_input_embeddings(), network.get_output_embeddings()]
    with torch.no_grad():
        for weight in (weight for layer in layers for weight in layer.parameters()):
            mean_of_all = weight[:base].mean(0)
            for number, those in enumerate(parts, start=base):
                weight[number] = weight[those].mean(0) if mean_of == "parts" else mean_of_all


def _written(folder: Path) -> dict[str, Any]:
    return json.loads((folder / "extension.json").read_text(encoding="utf-8"))
