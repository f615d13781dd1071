"""Which network a run trains, without its weights.

fresh        the architecture and vocabulary of the config
pretrained   config.json of a folder, or of the hub's cache; nothing is fetched
extended     the same, with a longer vocabulary
previous     config.json of the export; before that, what the run before starts from
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from omegaconf import DictConfig, OmegaConf

from medllm import config
from medllm.errors import UserError
from medllm.model.adapter import Full, Lora
from medllm.model.load import Extended, Fresh, Pretrained
from medllm.model.vocabulary import BytePairs

if TYPE_CHECKING:
    from transformers import PretrainedConfig, PreTrainedModel


@dataclass(frozen=True, slots=True)
class Unknown:
    """What could not be estimated, and why, in words for the user."""

    why: str


@dataclass(frozen=True, slots=True)
class Architecture:
    """A network by name.

    config: of transformers, as JSON, so that what was reckoned of it can be kept.
    adapter: what is trained of it.
    """

    config: str
    adapter: Full | Lora

    def of(self, layers: int | None = None) -> "PretrainedConfig":
        """The config, with the first `layers` of its layers."""
        from transformers import CONFIG_MAPPING

        fields = json.loads(self.config)
        if layers is not None:
            fields["num_hidden_layers"] = layers
            if fields.get("layer_types"):
                fields["layer_types"] = fields["layer_types"][:layers]
        return CONFIG_MAPPING[fields["model_type"]].from_dict(fields)

    def network(
        self, *, layers: int | None = None, attention: str = "sdpa", precision: str = "32-true"
    ) -> "PreTrainedModel":
        """The network with its adapter on the meta device: shapes and types without numbers."""
        import torch
        from transformers import AutoModelForCausalLM

        width = {"64-true": torch.float64, "bf16-true": torch.bfloat16}
        with torch.device("meta"):
            network = AutoModelForCausalLM.from_config(
                self.of(layers), attn_implementation=attention, dtype=torch.float32
            )
            network.name_or_path = "unnamed"  # an adapter exported beside asks for a name
            attached: Any = self.adapter.attach(network)
        return attached.to(width.get(precision, torch.float32))


def architecture(cfg: DictConfig, earlier: Mapping[str, DictConfig]) -> Architecture | Unknown:
    """The network of the run that `cfg` composes.

    Args:
        earlier: configs of runs that are not trained yet, by id.
    """
    start, adapter = config.instantiate(cfg.model.start), config.instantiate(cfg.model.adapter)
    if isinstance(adapter, Lora) and not isinstance(adapter.targets, str):
        adapter = replace(adapter, targets=tuple(adapter.targets))  # a list has no hash
    found = _of_start(start, cfg, earlier)
    return found if isinstance(found, Unknown) else Architecture(found, adapter)


def _of_start(start: Any, cfg: DictConfig, earlier: Mapping[str, DictConfig]) -> str | Unknown:
    match start:
        case Fresh():
            return _of_fresh(start)
        case Pretrained():
            return _of_pretrained(start, cfg, earlier)
        case Extended():
            return _of_extended(start, cfg, earlier)
    raise AssertionError(f"no way to start from {start}")


def _of_fresh(start: Fresh) -> str | Unknown:
    from transformers import LlamaConfig

    try:
        entries = (
            start.vocabulary.size
            if isinstance(start.vocabulary, BytePairs)
            else len(start.vocabulary.tokenizer())
        )
    except (UserError, OSError) as error:
        return Unknown(str(error))
    fields: dict[str, Any] = {**start.architecture, "vocab_size": entries}
    return _written(LlamaConfig(**fields))


def _of_pretrained(
    start: Pretrained, cfg: DictConfig, earlier: Mapping[str, DictConfig]
) -> str | Unknown:
    folder, before = Path(start.path), cfg.get("previous")
    if (folder / "adapter_config.json").is_file():
        said = json.loads((folder / "adapter_config.json").read_text(encoding="utf-8"))
        base = Pretrained(path=said["base_model_name_or_path"], revision=said.get("revision"))
        return _of_pretrained(base, cfg, earlier)
    runs = Path(cfg.paths.runs)
    if before and not folder.is_dir() and folder == runs / before / "export":
        return _of_run(before, runs, earlier)
    return _of_published(start)


def _of_run(run: str, runs: Path, earlier: Mapping[str, DictConfig]) -> str | Unknown:
    """What a run will export, which is not trained yet."""
    frozen = runs / run / "config.yaml"
    if run in earlier:
        cfg: Any = earlier[run]
    elif frozen.is_file():
        cfg = OmegaConf.load(frozen)
    else:
        return Unknown(f"the run before, {run}, is not in {runs}")
    return _of_start(config.instantiate(cfg.model.start), cfg, earlier)


def _of_published(start: Pretrained) -> str | Unknown:
    from transformers import AutoConfig

    try:
        # Only what lies here: an estimate may not wait for a network that is not there.
        found = AutoConfig.from_pretrained(
            start.path, revision=start.revision, local_files_only=True, trust_remote_code=False
        )
    except (OSError, ValueError) as error:
        fetch = "" if Path(start.path).is_dir() else f"; fetch it: hf download {start.path}"
        return Unknown(f"no readable config.json of {start.path} here{fetch} ({_first(error)})")
    return _written(found)


def _of_extended(
    start: Extended, cfg: DictConfig, earlier: Mapping[str, DictConfig]
) -> str | Unknown:
    base = _of_pretrained(start.base, cfg, earlier)
    said = Path(start.folder) / "extension.json"
    if isinstance(base, Unknown) or not said.is_file():
        return base if isinstance(base, Unknown) else Unknown(f"no extension in {start.folder}")
    extension = json.loads(said.read_text(encoding="utf-8"))
    fields = json.loads(base)
    entries = extension["base"] + len(extension["parts"])
    return json.dumps(fields | {"vocab_size": max(fields["vocab_size"], entries)}, sort_keys=True)


def _written(found: "PretrainedConfig") -> str:
    return json.dumps(found.get_text_config().to_dict(), sort_keys=True, default=str)


def _first(error: Exception) -> str:
    return str(error).strip().splitlines()[0]
