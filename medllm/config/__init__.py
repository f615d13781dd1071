"""From words on a command line to a run that may start.

    compose   root + overrides -> config              medllm train experiments=x seed=18
    check     every key is a parameter of the code it names, every value has its type
    run_id    the digest of the science               world/sft/1a2b3c4d
    freeze    what the run reads from then on         runs/world/sft/1a2b3c4d/config.yaml

Nothing here imports torch, nor the code that a config names: signatures are read from source.
"""

from medllm.config.check import check
from medllm.config.compose import (
    CONF,
    HYDRA,
    REPO,
    compose,
    folder_of,
    instantiate,
    quoted,
)
from medllm.config.identity import digest, freeze, run_id

__all__ = [
    "CONF",
    "HYDRA",
    "REPO",
    "check",
    "compose",
    "digest",
    "folder_of",
    "freeze",
    "instantiate",
    "quoted",
    "run_id",
]
