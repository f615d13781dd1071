"""medllm: one command, ten verbs. Reads no more than it needs: `--help` never imports torch.

medllm                     the verbs
medllm train --help        what one does, its groups and keys
medllm train key=value     does it
"""

import ast
import difflib
import functools
import importlib
import inspect
import os
import signal
import sys
import textwrap
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import NoReturn

from medllm.errors import UserError

REPO = Path(__file__).resolve().parent.parent
CONF = REPO / "conf"
VERBS = {
    "prepare": "medllm.prepare",
    "inspect": "medllm.inspect",
    "vocabulary": "medllm.vocabulary",
    "train": "medllm.train",
    "recipe": "medllm.recipe",
    "evaluate": "medllm.evaluate",
    "report": "medllm.report.page",
    "status": "medllm.status",
    "cancel": "medllm.cancel",
    "retry": "medllm.retry",
}
ABOUT_RUNS = ("report", "status", "cancel", "retry")  # that are there; they compose nothing
HELP = ("-h", "--help", "help")
SWEEP = ("-m", "--multirun")
SWITCHES = {
    "--stats": "stats=true",
    "--watch": "watch=true",
    "--json": "json=true",
}


def main(argv: Sequence[str] | None = None) -> None:
    """Do what `argv`, the words after `medllm`, asks; a refusal exits with status 2."""
    verb, *words = list(sys.argv[1:] if argv is None else argv) or ["--help"]
    if verb in HELP:
        show(overview())
        return
    if verb not in VERBS:
        near = difflib.get_close_matches(verb, VERBS, n=1)
        perhaps = f"did you mean {near[0]!r}?" if near else f"there are {', '.join(VERBS)}"
        refuse(f"{verb!r} is not a verb of medllm; {perhaps}")
    if any(word in HELP[:2] for word in words):
        show(page(verb))
        return
    try:
        do(verb, words)
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        sys.exit(130)  # 128 + SIGINT, as shells count it


def do(verb: str, words: Sequence[str]) -> None:
    """Compose `conf/<verb>.yaml` with `words` and hand it to the verb's `main`."""
    import hydra
    from hydra.errors import HydraException

    from medllm.config import HYDRA, folder_of

    # Hydra would cut tracebacks short and exit by itself; ours is the last word.
    os.environ["HYDRA_FULL_ERROR"] = "1"
    # argparse takes the overrides from one place, before -m or after it, but people write both.
    sweeping = [word for word in words if word in SWEEP]
    others = [SWITCHES.get(word, word) for word in words if word not in SWEEP]
    given = {word.partition("=")[0] for word in others}
    ours = [word for word in HYDRA if word.partition("=")[0] not in given]
    sys.argv = [f"medllm {verb}", *sweeping, *ours, *others]
    job = plain(inspect.unwrap(importlib.import_module(VERBS[verb]).main))
    try:
        hydra.main(version_base="1.3", config_path=str(folder_of(verb)), config_name=verb)(job)()
    except HydraException as error:
        refuse_if_mistaken(error)
        raise


def plain(job: Callable) -> Callable:
    """`job` with a mistake told before it leaves: Hydra announces what does, but not an exit."""

    @functools.wraps(job)
    def told(cfg: object) -> None:
        try:
            job(cfg)
        except Exception as error:
            refuse_if_mistaken(error)
            raise

    return told


def refuse_if_mistaken(error: Exception) -> None:
    """Exit with words if `error` is a user's; return if it is a bug."""
    from hydra.errors import CompactHydraException, InstantiationException

    for cause in causes(error):  # Hydra wraps what a constructor raises
        if isinstance(cause, UserError):
            refuse(str(cause), cause.status)
    # An unknown override or choice. An InstantiationException is a crash of our own code.
    if isinstance(error, CompactHydraException) and not isinstance(error, InstantiationException):
        refuse(f"{composed_wrongly(error)}\n`medllm VERB --help` lists groups and keys")


def composed_wrongly(error: Exception) -> str:
    """What Hydra says; of a misspelt key rather which one was meant."""
    from hydra.errors import MissingConfigException
    from omegaconf.errors import ConfigAttributeError

    from medllm.config.check import perhaps

    if isinstance(error, MissingConfigException) and error.missing_cfg_file:
        return not_there(error.missing_cfg_file)
    cause = error.__cause__
    if isinstance(cause, ConfigAttributeError) and cause.parent_node is not None:
        return (
            f"{cause.full_key} is not a key{perhaps(str(cause.key), map(str, cause.parent_node))}"
        )
    said = f"{error}\n{cause or ''}".rstrip()
    if "You must specify" in said or "In 'experiments/" in said:
        said += "\nan experiment with steps is for `medllm recipe`, any other for `medllm train`"
    return said


def not_there(file: str) -> str:
    """A choice that no file makes, the nearest that one does, and all of its group."""
    if file.startswith("experiments/"):
        group, known = "experiments", choices(REPO / "experiments", "**/*.yaml")
    else:
        group = file.rpartition("/")[0]
        known = choices(CONF / group, "*.yaml")
    near = difflib.get_close_matches(file.removeprefix(f"{group}/"), known, n=1)
    perhaps = f"did you mean {near[0]!r}? " if near else ""
    return f"Could not find '{file}'; {perhaps}there are {', '.join(known)}"


def causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__


def refuse(message: str, status: int = 2) -> NoReturn:
    print(f"medllm: {message}", file=sys.stderr)
    sys.exit(status)


def show(text: str) -> None:
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)  # `| head` may close the pipe early
    print(text)


def overview() -> str:
    """The verbs with a line each."""
    lines = [f"  {verb:<12}{story(verb)[0]}" for verb in VERBS]
    return "\n".join(
        [
            "usage: medllm VERB [experiments=NAME] [group=choice ...] [key=value ...] [-m]",
            "",
            *lines,
            "",
            "medllm VERB --help shows what a verb does, its groups and its keys.",
            "Research use only; nothing here is medical advice.",
        ]
    )


def page(verb: str) -> str:
    """Usage, story, groups with their choices, the root with its comments, examples."""
    apart = CONF / "roots" / f"{verb}.yaml"
    root = apart if apart.is_file() else CONF / f"{verb}.yaml"
    is_composed = verb not in ABOUT_RUNS
    words = "[experiments=NAME] [group=choice ...] [key=value ...] [-m]"
    return "\n".join(
        [
            f"usage: medllm {verb} {words if is_composed else '[key=value ...]'}",
            "",
            *story(verb),
            "",
            *(_choices() if is_composed else []),
            f"{root.relative_to(REPO)}:",
            *(f"  {line}".rstrip() for line in root.read_text(encoding="utf-8").splitlines()),
            "",
            f"to look before starting{', and to sweep' if is_composed else ''}:",
            f"  medllm {verb} ... --cfg job    shows the composed config and starts nothing",
            *([f"  medllm {verb} ... -m seed=1,2  does it once for each"] if is_composed else []),
        ]
    )


def _choices() -> list[str]:
    """Groups and experiments, an empty line after them."""
    return [
        "groups:",
        *(listed(name, choices(CONF / name, "*.yaml")) for name in groups()),
        listed("experiments", choices(REPO / "experiments", "**/*.yaml")),
        "",
    ]


def listed(name: str, words: list[str]) -> str:
    """A name and its choices, hanging to the right of it on as many lines as they need."""
    return textwrap.fill(
        " ".join(words),
        width=100,
        initial_indent=f"  {name:<16}",
        subsequent_indent=" " * 18,
        break_on_hyphens=False,
    )


def story(verb: str) -> list[str]:
    """The docstring of the verb's module, read and not imported."""
    file = REPO / Path(*VERBS[verb].split(".")).with_suffix(".py")
    return (ast.get_docstring(ast.parse(file.read_text(encoding="utf-8"))) or "").splitlines()


def groups() -> list[str]:
    """Folders of conf/ that hold choices: model, model/adapter, data, ..."""
    folders = {file.parent for file in CONF.glob("*/**/*.yaml") if file.stem not in VERBS}
    return sorted(str(folder.relative_to(CONF)) for folder in folders)


def choices(folder: Path, pattern: str) -> list[str]:
    return sorted(str(file.relative_to(folder).with_suffix("")) for file in folder.glob(pattern))


if __name__ == "__main__":
    main()
