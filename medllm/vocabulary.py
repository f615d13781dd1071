"""Extend a model's vocabulary by entries learnt from a corpus, and measure what they save.

The new entries come after the old ones, whose ids stay: text is cut as before, then merged
further. The folder then holds the tokenizer and report.json; to train with it, choose
model/start=extended.

    medllm vocabulary model=real_smoke size=8000 folder=stores/vocabularies/tcm
        +data/source@corpus.books=tcm_books +data/source@heldout.exam=cmexam
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from omegaconf import DictConfig, OmegaConf

from medllm import config
from medllm.errors import ConfigError
from medllm.prepare import make_world

if TYPE_CHECKING:
    from rich.table import Table
    from transformers import PreTrainedTokenizerFast

    from medllm.data.corpus import Corpus
    from medllm.data.progress import Progress

VERSION = 1  # of the folder; raise it when the same corpus would give another extension
SAMPLE = 1000  # texts on which transformers and SentencePiece are compared
SHOWN = 40  # new entries in the report
SIDES = ("before", "after")
MEASURES = ("tokens_per_character", "bytes_per_token", "bits_per_byte")


class Watched:
    """What some corpora say, to be read again and again, each time with a bar."""

    def __init__(self, title: str, corpora: Sequence["Corpus"], progress: "Progress") -> None:
        self.title = title
        self.corpora = corpora
        self.progress = progress
        self.characters: int | None = None  # until they have been read once

    def __iter__(self) -> Iterator[str]:
        from medllm.data.corpus import Texts

        read = 0
        with self.progress.of(self.title, self.characters) as advance:
            for text in Texts(self.corpora):
                yield text
                read += len(text)
                advance(len(text))
        self.characters = read


def extend(cfg: DictConfig) -> dict[str, Any]:
    """The report on the extension in `cfg.folder`, which is made where there is none.

    Raises:
        ConfigError: no entry is wanted, no corpus named, or the folder holds something else.
        DataError: the corpus does not give so many entries.
    """
    from medllm.data import folder as folders
    from medllm.data.progress import Progress
    from medllm.data.tokens import tokenizer_digest
    from medllm.model.extension import merge
    from medllm.model.extension.core import core_of
    from medllm.model.extension.learn import entries_wanted

    if not cfg.corpus:
        raise ConfigError(["corpus names no source; add +data/source@corpus.NAME=CHOICE"])
    make_world(cfg)
    start = config.instantiate(cfg.model.start)
    tokenizer = start.tokenizer()
    entries_wanted(core_of(tokenizer), cfg.size)
    at = Path(cfg.folder).absolute()
    made_of: dict[str, Any] = {key: cfg[key] for key in ("size", "length")}
    made_of["model"] = tokenizer_digest(tokenizer)
    made_of["learn"] = OmegaConf.to_container(cfg.learn, resolve=True)
    refuse_other(at, made_of)
    with Progress(True) as progress:
        corpora = {key: gathered(cfg, key, progress) for key in ("corpus", "heldout")}
        for key, sources in corpora.items():
            made_of[key] = {name: corpus.content for name, corpus in sources.items()}
        refuse_other(at, made_of)
        texts = {
            f"{key}.{name}": Watched(name, [corpus], progress)
            for key, sources in corpora.items()
            for name, corpus in sources.items()
        }

        def make(work: Path) -> dict[str, Any]:
            learn = config.instantiate(cfg.learn)
            everything = Watched("learning", list(corpora["corpus"].values()), progress)
            merge.write(tokenizer, learn(everything, tokenizer), work)
            said = report(work, start, tokenizer, texts, length=cfg.length)
            folders.write(work / "report.json", json.dumps(said, indent=1, ensure_ascii=False))
            return {"made_of": made_of}

        folders.made(at, version=VERSION, make=make)
    return json.loads((at / "report.json").read_text(encoding="utf-8"))


def gathered(cfg: DictConfig, key: str, progress: "Progress") -> "dict[str, Corpus]":
    """The sources below `key`, read and cleaned."""
    from medllm.data.build import corpus_of

    preparation = config.instantiate(cfg.preparation)
    stores = Path(cfg.paths.stores).absolute()
    return {
        str(name): corpus_of(
            config.instantiate(source),
            name=str(name),
            folder=stores,
            preparation=preparation,
            progress=progress,
        )
        for name, source in cfg[key].items()
    }


def refuse_other(at: Path, made_of: Mapping[str, Any]) -> None:
    """Leave alone a folder that does not hold this very extension.

    Args:
        made_of: what is known of it by now.
    """
    from medllm.data.folder import manifest

    if not at.exists() or not any(at.iterdir()):
        return
    if not ((at / "extension.json").exists() and (at / "manifest.json").exists()):
        raise ConfigError([f"folder={at} holds something else; name another folder"])
    before = manifest(at)["made_of"]
    for key, value in made_of.items():
        if before[key] != value:
            raise ConfigError([f"folder={at} was made with another {key}; name another folder"])


def report(
    folder: Path,
    start: Any,
    tokenizer: "PreTrainedTokenizerFast",
    texts: Mapping[str, Watched],
    *,
    length: int,
) -> dict[str, Any]:
    """The longer tokenizer in `folder` beside the base's.

    Args:
        start: of the model; only a pretrained one with weights has bits per byte.
        length: tokens that the model reads at once.
    """
    from transformers import AutoTokenizer

    from medllm.model.extension import measure
    from medllm.model.extension.core import core_of

    longer = AutoTokenizer.from_pretrained(folder)
    cores = dict(zip(SIDES, (core_of(tokenizer), core_of(longer)), strict=True))
    figures = {
        name: {side: measure.compression(each, core) for side, core in cores.items()}
        for name, each in texts.items()
    }
    heldout = {name: each for name, each in texts.items() if name.startswith("heldout.")}
    for name, bits in bits_per_byte(folder, start, (tokenizer, longer), heldout, length).items():
        for side, value in zip(SIDES, bits, strict=True):
            figures[name][side]["bits_per_byte"] = value
    sample = list(islice(next(iter(texts.values())), SAMPLE))
    new = cores["after"].tokens[len(cores["before"].tokens) :][:SHOWN]
    return {
        "entries": {side: len(core.tokens) for side, core in cores.items()},
        "texts": figures,
        "new": [cores["after"].text(token) for token in new],
        "sentencepiece": {"texts": len(sample), "differ": measure.disagreements(folder, sample)},
    }


def bits_per_byte(
    folder: Path,
    start: Any,
    tokenizers: "Sequence[PreTrainedTokenizerFast]",
    texts: Mapping[str, Watched],
    length: int,
) -> dict[str, list[float]]:
    """Of the base, then of the base with the new rows that nobody has trained yet."""
    from medllm.model.load import Pretrained, has_weights

    if not (texts and isinstance(start, Pretrained) and has_weights(start.path)):
        return {}
    import torch
    import transformers

    from medllm.data.heldout import chunks
    from medllm.model.extension import rows
    from medllm.stage import heldout
    from medllm.types import Document

    transformers.utils.logging.disable_progress_bar()
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    network: Any = start.network(tokenizers[0], seed=0).eval()
    network.to(device)
    length = min(length, network.config.max_position_embeddings)
    found: dict[str, list[float]] = {name: [] for name in texts}
    for tokenizer in tokenizers:
        if tokenizer is not tokenizers[0]:
            rows.lengthen(network, folder, mean_of="parts")
        for name, each in texts.items():
            pieces = chunks((Document("", text) for text in each), tokenizer, length=length)
            found[name].append(heldout.bits_per_byte(network, pieces, device))
    return found


def table(said: Mapping[str, Any]) -> "Table":
    """Every text, before and after."""
    from rich.table import Table

    made = Table()
    for head in ("text", "measure"):
        made.add_column(head)
    for head in ("before", "after"):
        made.add_column(head, justify="right")
    made.add_row("vocabulary", "entries", *(f"{said['entries'][side]:,}" for side in SIDES))
    for name, sides in said["texts"].items():
        made.add_section()
        for measure in MEASURES:
            if measure in sides["before"]:
                values = (f"{sides[side][measure]:.3f}" for side in SIDES)
                made.add_row(name, measure.replace("_", " "), *values)
                name = ""
                if measure == "bits_per_byte":
                    made.caption = "after: new rows are means of old ones, not yet trained"
    return made


def main(cfg: DictConfig) -> None:
    from rich.console import Console

    config.check(cfg, "vocabulary")
    said = extend(cfg)
    Console().print(table(said))
    print("the first new entries:", *" ".join(said["new"]).split())
    if (differ := said["sentencepiece"]["differ"]) is not None:
        compared = said["sentencepiece"]["texts"]
        print(f"transformers and sentencepiece differ on {differ} of {compared} texts")
    print(f"to train with it: model/start=extended model.start.folder={cfg.folder}")
