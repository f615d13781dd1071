"""Walks over a composed config, and its dotted paths."""

from collections.abc import Iterable, Iterator
from typing import Any

from omegaconf import DictConfig, ListConfig
from omegaconf.errors import OmegaConfBaseException

MISSING = "???"
Where = tuple[str | int, ...]  # a path inside a value: ("books", 0)


def leaves(written: Any, where: Where = ()) -> Iterator[tuple[Where, Any]]:
    """Path and value of everything that holds no others, as it was written."""
    for key, child in inside(written):
        if isinstance(child, dict | list):
            yield from leaves(child, (*where, key))
        else:
            yield (*where, key), child


def nodes(written: Any, where: Where = ()) -> Iterator[Where]:
    """Path of every mapping that names code."""
    if isinstance(written, dict) and "_target_" in written:
        yield where
    for key, child in inside(written):
        yield from nodes(child, (*where, key))


def inside(value: Any) -> Iterable[tuple[Any, Any]]:
    if isinstance(value, dict):
        return value.items()
    return enumerate(value) if isinstance(value, list) else ()


def plain(value: Any) -> Any:
    """`value` as plain dicts, lists and scalars; "???" for what cannot be known yet.

    Do it once: OmegaConf 2.3 parses an interpolation each time it is asked for, in 0.5 ms.
    """
    if isinstance(value, DictConfig):
        return {key: plain(reached(value, key)) for key in value}
    if isinstance(value, ListConfig):
        return [plain(reached(value, at)) for at in range(len(value))]
    return value


def reached(node: Any, key: Any) -> Any:
    try:
        return node.get(key, MISSING) if isinstance(node, DictConfig) else node[key]
    except OmegaConfBaseException:
        return MISSING


def joined(path: str, where: Where) -> str:
    """`data.sources.books`, `model.targets[0]`."""
    for step in where:
        path += f"[{step}]" if isinstance(step, int) else f".{step}"
    return path.removeprefix(".")


def at(value: Any, where: Where) -> Any:
    for step in where:
        value = value[step]
    return value
