"""An annotation as written, turned into a type that a YAML value can be held against.

Plain types and containers keep their meaning. A class of ours, or a callable, is in YAML a
mapping with a `_target_`. What comes from elsewhere (torch, numpy) is not judged.
"""

import ast
from collections.abc import Callable, Iterator, Mapping
from types import NoneType
from typing import Any, Literal, Union, get_args, get_origin

from medllm.config.tree import Where

PLAIN = {"float": float, "int": int, "str": str, "bool": bool, "Path": str, "dict": dict}
LISTS = {"Sequence", "list", "Iterable", "Collection"}
MAPPINGS = {"Mapping", "dict"}


class Code:
    """Stands for a class of ours or a callable."""


# What a value should have been.
WANTED = {
    float: "a number",
    int: "a whole number",
    bool: "true or false",
    str: "text",
    list: "a list",
    tuple: "a list",
    dict: "a mapping",
    NoneType: "null",
    Code: "a node with a _target_",
}


def to_type(annotation: ast.expr, define: Callable[[str], ast.AST | None]) -> Any:
    """The type of `annotation`; `define` gives the definition of a name, or None."""

    def inner(node: ast.expr) -> Any:
        return to_type(node, define)

    match annotation:
        case ast.Constant(value=None):
            return None
        case ast.Constant(value=str(quoted)):
            return inner(ast.parse(quoted, mode="eval").body)
        case ast.BinOp(op=ast.BitOr(), left=left, right=right):
            return Union[inner(left), inner(right)]  # noqa: UP007  (types are values here)
        case ast.Subscript(value=outer, slice=inside):
            return generic(ast.unparse(outer), inside, inner)
        case ast.Name(id=name):
            return named(name, define)
    return Any  # torch.Tensor, np.ndarray


def named(name: str, define: Callable[[str], ast.AST | None]) -> Any:
    """A bare name: plain, a list or mapping of anything, an alias, or code of ours."""
    if name in PLAIN:
        return PLAIN[name]
    if name in LISTS | MAPPINGS:
        return dict if name in MAPPINGS else list
    if name == "Callable":
        return Code
    match define(name):
        case ast.ClassDef():
            return Code
        case ast.Assign(value=alias):
            return to_type(alias, define)
    return Any


def generic(outer: str, inside: ast.expr, inner: Callable[[ast.expr], Any]) -> Any:
    """`outer[inside]`."""
    parts = inside.elts if isinstance(inside, ast.Tuple) else [inside]
    if outer == "Literal":
        return Literal[tuple(ast.literal_eval(part) for part in parts)]
    if outer == "Callable":
        return Code
    if outer in LISTS:
        return list[inner(parts[0])]
    if outer in MAPPINGS:
        return dict[inner(parts[0]), inner(parts[1])]
    if outer == "tuple" and ast.unparse(parts[-1]) == "...":
        return list[inner(parts[0])]
    if outer == "tuple":
        return tuple[tuple(inner(part) for part in parts)]
    return Any


def complaints(value: Any, kind: Any) -> dict[Where, str]:
    """Where `value`, made of plain YAML, is not a `kind`, and what it should be there.

    Strict: the text "2e-5" is not a number, and 1 is not true.
    """
    found: dict[Where, list[str]] = {}
    for where, wanted in misfits(value, kind):
        found.setdefault(where, []).append(wanted)
    # For `Sequence[str] | str` and [1] it would also be said that the list is not text.
    told = [where for where in found if where] or list(found)
    return {where: " or ".join(dict.fromkeys(found[where])) for where in told}


def misfits(value: Any, kind: Any) -> Iterator[tuple[Where, str]]:
    """Each place in `value` that is not as `kind` has it there, with what it should be."""
    outer, inside = get_origin(kind) or kind, get_args(kind)
    if outer is Any:
        return
    if outer is Union:
        yield from of_union(value, *inside)
    elif outer is Literal:
        if not any(type(value) is type(choice) and value == choice for choice in inside):
            yield (), f"one of {listed(inside)}"
    elif not is_a(value, outer):
        yield (), WANTED[outer or NoneType]
    elif inside:
        yield from {list: of_list, dict: of_mapping, tuple: of_tuple}[outer](value, *inside)


def of_union(value: Any, *members: Any) -> Iterator[tuple[Where, str]]:
    """What the members of a union have against `value`; nothing if one has nothing.

    That it might also have been null is not said.
    """
    each = {member: list(misfits(value, member)) for member in members}
    if all(each.values()):
        each.pop(NoneType, None)
        yield from (misfit for found in each.values() for misfit in found)


def of_list(value: list, kind: Any) -> Iterator[tuple[Where, str]]:
    for at, item in enumerate(value):
        yield from below(at, misfits(item, kind))


def of_mapping(value: Mapping, keys: Any, kind: Any) -> Iterator[tuple[Where, str]]:
    for key, item in value.items():
        if keys is not str:  # any key of YAML can be read as text
            yield from below(key, misfits(key, keys))
        yield from below(key, misfits(item, kind))


def of_tuple(value: list, *kinds: Any) -> Iterator[tuple[Where, str]]:
    if len(value) != len(kinds):
        yield (), "long enough" if len(value) < len(kinds) else "short enough"
    for at, (item, kind) in enumerate(zip(value, kinds, strict=False)):
        yield from below(at, misfits(item, kind))


def below(step: str | int, found: Iterator[tuple[Where, str]]) -> Iterator[tuple[Where, str]]:
    for where, wanted in found:
        yield (step, *where), wanted


def is_a(value: Any, kind: Any) -> bool:
    """Whether `value` is a `kind` of YAML, whatever it holds; a whole number is a number."""
    if kind is Code:
        return isinstance(value, dict) and "_target_" in value
    if kind is None or kind is NoneType:
        return value is None
    kinds = {float: (float, int), tuple: (list,)}.get(kind, (kind,))
    return isinstance(value, kinds) and isinstance(value, bool) <= (kind is bool)


def listed(choices: tuple[Any, ...]) -> str:
    """`'a', 'b' or 'c'`."""
    *others, last = map(repr, choices)
    return f"{', '.join(others)} or {last}" if others else last
