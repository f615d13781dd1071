"""What the code behind a `_target_` takes, read from its source and never imported.

    medllm.stage.optimizer.AdamW -> medllm/stage/optimizer.py -> class AdamW -> Signature

Importing a stage costs ten seconds of torch; reading it costs a millisecond. Understood are
functions, dataclasses and classes with an `__init__`, their own or inherited within medllm.
"""

import ast
import functools
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from medllm.config.annotation import to_type

PACKAGE = Path(__file__).resolve().parent.parent
Definition = ast.ClassDef | ast.FunctionDef | ast.Assign | ast.AnnAssign


@dataclass(frozen=True)
class Parameter:
    """One argument that a config may give.

    written: its annotation, None where there is none.
    type: the same, see `annotation.to_type`.
    is_required: it has no default.
    """

    written: ast.expr | None
    type: Any
    is_required: bool

    @property
    def annotation(self) -> str:
        """As written, "float | None"; "" where there is none."""
        return "" if self.written is None else ast.unparse(self.written).strip("'\"")


@dataclass(frozen=True)
class Signature:
    """Parameters by name; `is_open` where any further name is taken as well."""

    parameters: Mapping[str, Parameter]
    is_open: bool = False


class NotFound(LookupError):
    """No such code. `names` are those its file does define."""

    def __init__(self, message: str, names: tuple[str, ...] = ()) -> None:
        super().__init__(message)
        self.names = names


def read(target: str, *, package: Path = PACKAGE) -> Signature:
    """The signature of the function or class that `target` names, "medllm.data.mix.quota".

    Raises:
        NotFound: `target` is not code of this package.
    """
    module, _, name = target.rpartition(".")
    if module.split(".")[0] != package.name:
        raise NotFound(f"not code of {package.name}")
    return of(*find(module, name, package), package)


def of(node: Definition, module: str, package: Path) -> Signature:
    """The signature of a definition that stands in `module`."""
    if isinstance(node, ast.FunctionDef):
        return of_function(node.args, module, package)
    if not isinstance(node, ast.ClassDef):
        raise NotFound("it is no function and no class")
    if is_dataclass(node):
        return of_dataclass(node, module, package)
    for child in node.body:
        if isinstance(child, ast.FunctionDef) and child.name == "__init__":
            return of_function(child.args, module, package, skip=1)
    return inherited(node, module, package)


def of_function(args: ast.arguments, module: str, package: Path, *, skip: int = 0) -> Signature:
    """Every named argument but the first `skip`."""
    positional = [*args.posonlyargs, *args.args][skip:]
    defaults = [None] * (len(positional) - len(args.defaults)) + args.defaults
    given = [*zip(positional, defaults, strict=True)]
    given += zip(args.kwonlyargs, args.kw_defaults, strict=True)
    parameters = {
        arg.arg: parameter(arg.annotation, module, package, is_required=default is None)
        for arg, default in given
    }
    return Signature(parameters, is_open=args.kwarg is not None)


def of_dataclass(node: ast.ClassDef, module: str, package: Path) -> Signature:
    """Fields in order, the bases' first."""
    base = inherited(node, module, package)
    fields = {
        field.target.id: parameter(
            field.annotation, module, package, is_required=field.value is None
        )
        for field in node.body
        if isinstance(field, ast.AnnAssign)
        and isinstance(field.target, ast.Name)
        and "ClassVar" not in ast.unparse(field.annotation)
    }
    return replace(base, parameters={**base.parameters, **fields})


def inherited(node: ast.ClassDef, module: str, package: Path) -> Signature:
    """What the bases take; a base from elsewhere may take anything."""
    parameters, is_open = {}, False
    for base in node.bases:
        try:
            found = find(module, ast.unparse(base), package)
        except NotFound:  # torch.nn.Module, Protocol: not ours to read
            is_open = is_open or ast.unparse(base).split("[")[0] not in ("Protocol", "Generic")
            continue
        signature = of(*found, package)
        parameters |= signature.parameters
        is_open |= signature.is_open
    return Signature(parameters, is_open)


def parameter(
    annotation: ast.expr | None, module: str, package: Path, *, is_required: bool
) -> Parameter:
    def define(name: str) -> ast.AST | None:
        """What a name in an annotation stands for; None where it comes from elsewhere."""
        try:
            return find(module, name, package)[0]
        except NotFound:
            return None

    kind = Any if annotation is None else to_type(annotation, define)
    return Parameter(annotation, kind, is_required)


def is_dataclass(node: ast.ClassDef) -> bool:
    return any("dataclass" in ast.unparse(decorator) for decorator in node.decorator_list)


def find(module: str, name: str, package: Path) -> tuple[Definition, str]:
    """The definition of `name` as `module` sees it, and the module it stands in.

    Follows `from medllm.x import name`.

    Raises:
        NotFound: the file or the name is not there, or it comes from another package.
    """
    path = package.parent / Path(*module.split("."))
    file = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
    if not file.is_file():
        raise NotFound(f"there is no {file.relative_to(package.parent)}")
    defined = names(file)
    node = defined.get(name)
    if isinstance(node, ast.ImportFrom):
        if not (node.module or "").startswith(f"{package.name}."):
            raise NotFound(f"{name!r} of {module} comes from elsewhere")
        original = next(a.name for a in node.names if (a.asname or a.name) == name)
        return find(str(node.module), original, package)
    if node is None:
        own = tuple(n for n, d in defined.items() if isinstance(d, ast.ClassDef | ast.FunctionDef))
        raise NotFound(f"{module} has no {name!r}", own)
    return node, module


@functools.cache
def names(file: Path) -> dict[str, Any]:
    """Name to definition or import, of everything at the top of a file."""
    found: dict[str, Any] = {}
    for node in ast.parse(file.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.ClassDef | ast.FunctionDef):
            found[node.name] = node
        elif isinstance(node, ast.ImportFrom):
            found |= {alias.asname or alias.name: node for alias in node.names}
        elif isinstance(node, ast.Assign):
            found |= {t.id: node for t in node.targets if isinstance(t, ast.Name)}
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            found[node.target.id] = node
    return found
