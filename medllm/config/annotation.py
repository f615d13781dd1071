"""An annotation as written, turned into a type that pydantic can hold a YAML value against.

Plain types and containers keep their meaning. A class of ours, or a callable, is in YAML a
mapping with a `_target_`. What comes from elsewhere (torch, numpy) is not judged.
"""

import ast
import json
from collections.abc import Callable, Mapping
from typing import Annotated, Any, Literal, Union

from pydantic import BeforeValidator, TypeAdapter, ValidationError
from pydantic_core import PydanticCustomError

from medllm.config.tree import Where

PLAIN = {"float": float, "int": int, "str": str, "bool": bool, "Path": str, "dict": dict}
LISTS = {"Sequence", "list", "Iterable", "Collection"}
MAPPINGS = {"Mapping", "dict"}

# pydantic's name of a complaint -> what the value should have been
WANTED = {
    "float_type": "a number",
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "bool_type": "true or false",
    "string_type": "text",
    "list_type": "a list",
    "tuple_type": "a list",
    "dict_type": "a mapping",
    "missing": "long enough",
    "too_long": "short enough",
    "node_type": "a node with a _target_",
}


def names_code(value: object) -> object:
    if isinstance(value, dict) and "_target_" in value:
        return value
    raise PydanticCustomError("node_type", "a node with a _target_")


Code = Annotated[Any, BeforeValidator(names_code)]


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
        return tuple[inner(parts[0]), ...]
    if outer == "tuple":
        return tuple[tuple(inner(part) for part in parts)]
    return Any


def complaints(value: Any, kind: Any) -> dict[Where, str]:
    """Where `value`, made of plain YAML, is not a `kind`, and what it should be there.

    Strict: the text "2e-5" is not a number, and 1 is not true. Over JSON, so that a YAML list
    may be a tuple.
    """
    try:
        TypeAdapter(kind).validate_json(json.dumps(value), strict=True)
    except ValidationError as refusal:
        wanted: dict[Where, list[str]] = {}
        for error in refusal.errors():
            wanted.setdefault(reached(value, error["loc"]), []).append(words(error))
        # For `Sequence[str] | str` and [1], pydantic also says that the list is not text.
        inner = [where for where in wanted if where] or [()]
        return {where: " or ".join(dict.fromkeys(wanted[where])) for where in inner}
    return {}


def reached(value: Any, location: Where) -> Where:
    """`location` as far as it lies in `value`."""
    where: Where = ()
    for step in location:
        try:
            value, where = value[step], (*where, step)
        except (KeyError, IndexError, TypeError):
            continue  # a mark of pydantic's own, such as the member of a union it tried
    return where


def words(error: Mapping[str, Any]) -> str:
    if error["type"] == "literal_error":
        return f"one of {error['ctx']['expected']}"
    return WANTED.get(error["type"]) or error["msg"]
