"""Walks over a composed config that resolve nothing they need not, and its dotted paths."""

from collections.abc import Iterator
from typing import Any

from omegaconf import DictConfig, ListConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

MISSING = "???"
Where = tuple[str | int, ...]  # a path inside a value: ("books", 0)


def leaves(node: Any, path: str = "") -> Iterator[tuple[str, Any, Any]]:
    """Dotted path, container and key of every value that holds no others."""
    for key, child in children(node):
        where = joined(path, (key,))
        if OmegaConf.is_config(child):
            yield from leaves(child, where)
        else:
            yield where, node, key


def nodes(node: Any, path: str = "") -> Iterator[tuple[str, DictConfig]]:
    """Every mapping that names code, with its dotted path."""
    if isinstance(node, DictConfig) and "_target_" in node:
        yield path, node
    for key, child in children(node):
        if OmegaConf.is_config(child):
            yield from nodes(child, joined(path, (key,)))


def children(node: Any) -> Iterator[tuple[Any, Any]]:
    """Keys with their values; None for what is missing or refers elsewhere."""
    keys: Any = node if isinstance(node, DictConfig) else range(len(node))
    for key in keys:
        is_written = not (OmegaConf.is_missing(node, key) or OmegaConf.is_interpolation(node, key))
        yield key, node[key] if is_written else None


def plain(node: Any, key: Any, default: Any = MISSING) -> Any:
    """The value at `key` as plain dicts, lists and scalars; "???" for what cannot be known yet."""
    try:
        value = node.get(key, default) if isinstance(node, DictConfig) else node[key]
    except OmegaConfBaseException:
        return MISSING
    if isinstance(value, DictConfig):
        return {inner: plain(value, inner) for inner in value}
    if isinstance(value, ListConfig):
        return [plain(value, inner) for inner in range(len(value))]
    return value


def joined(path: str, where: Where) -> str:
    """`data.sources.books`, `model.targets[0]`."""
    for step in where:
        path += f"[{step}]" if isinstance(step, int) else f".{step}"
    return path.removeprefix(".")


def at(value: Any, where: Where) -> Any:
    for step in where:
        value = value[step]
    return value
