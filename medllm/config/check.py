"""Refuse a run whose parts do not fit together, with every reason at once.

Hydra refuses an unknown key on the command line but takes one from a file in silence, and tells
the type of a value only by the crash it causes, perhaps hours later. So every key beside a
`_target_` is held against the parameters of the code it names, before anything is imported.
"""

import difflib
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import InterpolationToMissingValueError, OmegaConfBaseException

from medllm.config.annotation import complaints
from medllm.config.compose import CONF, folder_of
from medllm.config.signature import PACKAGE, NotFound, Signature, read
from medllm.config.tree import MISSING, Where, at, joined, leaves, nodes, plain
from medllm.errors import ConfigError

SECRET = re.compile(r"oc\.env:(\w*(?:KEY|TOKEN|PASSWORD|SECRET)\w*)")


def check(cfg: DictConfig, root: str, *, conf: Path = CONF, package: Path = PACKAGE) -> None:
    """Refuse what cannot work; `cfg` was composed from `conf/<root>.yaml`.

    Raises:
        ConfigError: with one line per problem, each naming the key to change.
    """
    written: Any = OmegaConf.to_container(cfg)
    content = plain(cfg)
    problems = [
        *unset(cfg, written, content, conf),
        *strangers(written, root, conf),
        *(found for where in nodes(written) for found in misfits(where, content, package)),
        *indivisible(cfg),
        *rounded(cfg),
        *exposed(written),
    ]
    if problems:
        raise ConfigError(problems)


def unset(cfg: DictConfig, written: Any, content: Any, conf: Path) -> Iterator[str]:
    """Values that are missing, or refer to what is not there."""
    for where, value in leaves(written):
        path = joined("", where)
        if value == MISSING:
            yield f"{path} has no value"
        elif at(content, where) == MISSING:
            try:
                at(cfg, where)
            except InterpolationToMissingValueError:
                continue  # told where it is missing
            except OmegaConfBaseException as refusal:
                why = str(refusal).splitlines()[0]
                yield f"{path} cannot be resolved: {why}{choose(why, conf)}"


def choose(why: str, conf: Path) -> str:
    """Where a value refers into a group that nothing was chosen of: what there is to choose."""
    group = re.match(r"Interpolation key '(\w+)\.\w+' not found", why)
    there = sorted(file.stem for file in (conf / group[1]).glob("*.yaml")) if group else []
    return f"; choose {group[1]}={' or '.join(there)}" if group and there else ""


def misfits(where: Where, content: Any, package: Path) -> Iterator[str]:
    """Keys, gaps and values of one node that the code it names will not take."""
    path, node = joined("", where), at(content, where)
    target = str(node["_target_"])
    try:
        signature = read(target, package=package)
    except NotFound as refusal:
        instead = perhaps(target.rpartition(".")[2], refusal.names)
        yield f"{path}._target_={target!r}: {refusal}{instead}"
        return
    given = {str(key): value for key, value in node.items() if not str(key).startswith("_")}
    if not signature.is_open:
        yield from unknown(path, given, list(signature.parameters), f"a parameter of {target}")
    if not node.get("_partial_", False):
        for name, parameter in signature.parameters.items():
            if parameter.is_required and name not in given:
                takes = f"{target} takes {parameter.annotation or 'it'}"
                yield f"{path}.{name} has no value; {takes}, or later where _partial_: true"
    yield from mistyped(path, given, signature, target)


def mistyped(path: str, given: dict[str, Any], signature: Signature, target: str) -> Iterator[str]:
    for key, value in given.items():
        if key not in signature.parameters or value == MISSING:
            continue
        parameter = signature.parameters[key]
        for where, wanted in complaints(value, parameter.type).items():
            inner = at(value, where)
            if inner != MISSING:
                yield (
                    f"{joined(path, (key, *where))}={inner!r} is {kind(inner)}, not {wanted}; "
                    f"{target} takes {parameter.annotation}"
                )


def strangers(written: dict[str, Any], root: str, conf: Path) -> Iterator[str]:
    """Top-level keys that the root does not have, and keys of its own plain mappings likewise."""
    known = top_keys(root, conf)
    yield from unknown("", written, [*known, "previous"], f"a key of conf/{root}.yaml")
    for key, node in written.items():
        if not isinstance(node, dict) or "_target_" in node or not node:
            continue
        inner = known.get(key, [])
        if inner is None:
            yield f"{key} has no _target_, so nothing says which keys it takes"
        elif inner:
            yield from unknown(key, node, inner, f"a key of conf/{root}.yaml")


def top_keys(root: str, conf: Path) -> dict[str, list[str] | None]:
    """Top-level keys of a root, with those written below them; None for what a group fills."""
    written = OmegaConf.to_container(OmegaConf.load(folder_of(root, conf) / f"{root}.yaml"))
    assert isinstance(written, dict), f"{root}.yaml is not a mapping"
    keys: dict[str, list[str] | None] = {}
    for entry in written.get("defaults", []):
        if isinstance(entry, dict):  # `model: x`, `override /model: x`, `source@data.a: x`
            for group, _, package in (str(name).split()[-1].partition("@") for name in entry):
                keys[(package or group).strip("/").replace("/", ".").split(".")[0]] = None
        elif entry != "_self_":  # another root, whose keys become this one's
            keys |= top_keys(entry, conf)
    for key, child in written.items():
        keys[str(key)] = [str(inner) for inner in child] if isinstance(child, dict | list) else []
    return keys


def indivisible(cfg: DictConfig) -> Iterator[str]:
    """A global batch that the hardware cannot cut into equal micro-batches."""
    keys = ("stage.global_batch", "hardware.nodes", "hardware.devices", "hardware.micro_batch")
    sizes = [OmegaConf.select(cfg, key, throw_on_missing=False) for key in keys]
    if OmegaConf.select(cfg, "hardware") is not None and sizes[3] is None:
        sizes[3] = 1  # null: a device's whole share, whatever it is
    if not all(isinstance(size, int) and size > 0 for size in sizes):
        return
    batch, processes, micro = sizes[0], sizes[1] * sizes[2], sizes[3]
    one_pass = processes * micro
    if batch % one_pass:
        below = batch - batch % one_pass
        batches = " or ".join(str(n) for n in (below, below + one_pass) if n)
        fits = [n for n in range(1, batch + 1) if batch % (processes * n) == 0]
        nearest = sorted(sorted(fits, key=lambda n: abs(n - micro))[:2])
        rather = f" or hardware.micro_batch={' or '.join(map(str, nearest))}" if nearest else ""
        yield (
            f"stage.global_batch={batch} is not a multiple of nodes x devices x micro_batch = "
            f"{sizes[1]} x {sizes[2]} x {micro} = {one_pass}; "
            f"nearest that work: stage.global_batch={batches}{rather}"
        )


def rounded(cfg: DictConfig) -> Iterator[str]:
    """Training all weights in bfloat16 with no float32 originals: small updates would be lost."""
    keys = ("precision", "strategy", "nodes", "devices")
    hardware = [OmegaConf.select(cfg, f"hardware.{key}", throw_on_missing=False) for key in keys]
    adapter = OmegaConf.select(cfg, "model.adapter._target_", throw_on_missing=False)
    if hardware[0] != "bf16-true" or None in hardware or not str(adapter).endswith(".Full"):
        return
    if hardware[1] in ("ddp", "fsdp2") or hardware[2] * hardware[3] == 1:
        yield (
            "hardware.precision=bf16-true would round most updates of a fully trained model away; "
            "set hardware.precision=bf16-mixed, or hardware.strategy=zero2 on two devices or more, "
            "which keep float32 weights, or model/adapter=lora"
        )


def exposed(written: Any) -> Iterator[str]:
    """Values that read a secret of the environment: the frozen config would tell it."""
    for where, value in leaves(written):
        for name in SECRET.findall(value) if "${" in str(value) else ():
            path = joined("", where)
            yield f"{path} would write the secret {name} to disk; leave it in the environment"


def unknown(path: str, given: Iterable[Any], known: list[str], what: str) -> Iterator[str]:
    for key in given:
        if str(key) not in known:
            yield f"{joined(path, (key,))} is not {what}{perhaps(str(key), known)}"


def perhaps(word: str, known: Iterable[str]) -> str:
    """The nearest known word as a question, else all of them."""
    known = list(dict.fromkeys(known))
    near = difflib.get_close_matches(word, known, n=1)
    if near:
        return f"; did you mean {near[0]!r}?"
    return f"; there are {', '.join(known)}" if known else ""


def kind(value: object) -> str:
    """What a YAML value is, in words."""
    names = {bool: "true or false", int: "a number", float: "a number", str: "text"}
    names |= {type(None): "null", list: "a list", dict: "a mapping"}
    return names[type(value)]
