"""What the config says of Weights & Biases, and what a run tells it."""

import netrc
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlparse

from pytorch_lightning.loggers import Logger

from medllm.errors import ConfigError
from medllm.provenance import SECRET, masked
from medllm.track.metrics_file import MetricsFile
from medllm.track.wandb_run import Reference, WandB


@dataclass(kw_only=True)
class Tracker:
    """Weights & Biases: which project, and whether its server is reached.

    mode: auto is online where a key is found and offline elsewhere; offline runs lie in
        `run_dir/wandb` and can be sent later with `wandb sync`; disabled writes none. Where
        the server does not answer, an online run goes on offline.
    prompts: what the model is asked at every look at held-out text; see `stage.replies`.
    """

    project: str
    mode: Literal["auto", "online", "offline", "disabled"]
    prompts: Sequence[str] = ()

    def __post_init__(self) -> None:
        self.wandb_run = None

    def loggers(
        self,
        run_id: str,
        *,
        group: str,
        job_type: str,
        tags: Sequence[str],
        config: Mapping[str, Any],
        run_dir: Path,
        start: int = 0,
    ) -> list[Logger]:
        """What Lightning's Trainer takes; call `finish` when the run has ended.

        Args:
            group: the sweep or recipe that the run belongs to.
            config: resolved; values of keys that speak of a secret are masked.
            start: the step that this attempt goes on from.

        Raises:
            ConfigError: mode is online and there is no key.
        """
        file = MetricsFile(run_dir, start=start)
        mode = self.decided()
        if mode == "disabled":
            return [file]
        settings = {
            "project": self.project,
            "id": run_id.replace("/", "-"),
            "name": run_id,
            "group": group,
            "job_type": job_type,
            "tags": [tag[:64] for tag in tags],  # longer ones are refused by the server
            "config": without_secrets(config),
            "notes": str(run_dir),
        }
        self.wandb_run = WandB(file, mode, settings)
        return [file, self.wandb_run]

    def decided(self) -> Literal["online", "offline", "disabled"]:
        if self.mode == "auto":
            return "online" if has_key() else "offline"
        if self.mode == "online" and not has_key():
            raise ConfigError(
                [
                    "tracker.mode=online, but there is no W&B key: run `wandb login`, "
                    "set WANDB_API_KEY, or choose tracker.mode=offline"
                ]
            )
        return self.mode

    def refer(
        self, folder: Path, *, kind: Literal["model", "dataset"], name: str, facts: Mapping
    ) -> None:
        """Tell W&B of a folder by its path; nothing in it is read or sent.

        Args:
            name: of the artifact.
            facts: what is known of it, e.g. counts; numbers and short texts.
        """
        if self.wandb_run is not None:
            self.wandb_run.refer(Reference(folder, kind, name, facts))

    def finish(self) -> None:
        """End the W&B run, so that the next one in this process is another."""
        if self.wandb_run is not None:
            self.wandb_run.finish()
            self.wandb_run = None


def has_key() -> bool:
    """Whether a W&B key lies where wandb itself looks: the environment, then ~/.netrc."""
    if os.environ.get("WANDB_API_KEY"):
        return True
    host = urlparse(os.environ.get("WANDB_BASE_URL", "https://api.wandb.ai")).hostname or ""
    file = Path(os.environ.get("NETRC", "~/.netrc")).expanduser()
    return file.is_file() and netrc.netrc(file).authenticators(host) is not None


def without_secrets(config: Any, key: str = "") -> Any:
    """`config` with what `provenance.masked` would hide as ***, at any depth."""
    match config:
        case Mapping():
            return {name: without_secrets(value, str(name)) for name, value in config.items()}
        case list() | tuple():
            return [without_secrets(value, key) for value in config]
        case None | bool() | "":
            return config
    if SECRET.search(key):
        return "***"
    return masked([config])[0] if isinstance(config, str) else config
