"""Show what a run will see, row by row, and refuse what no model should learn from.

Takes the same keys as train, makes the stores where they are missing, and trains nothing.
Fails on rows without a learnt token, an end token never learnt, a doubled begin token, a chat
template that changes under more turns, too many truncated examples, and a packed loss that is
not that of the examples alone.

    medllm inspect experiments=world/sft previous=world/cpt/1a2b3c4d rows=3 html=rows.html
    medllm inspect data=world_knowledge world=tiny --stats
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from omegaconf import DictConfig

from medllm import config
from medllm.errors import ConfigError
from medllm.prepare import prepare

if TYPE_CHECKING:
    from rich.table import Table
    from transformers import PreTrainedTokenizerFast

    from medllm.data.checks import Limits
    from medllm.data.drawn import Drawn
    from medllm.data.mixture import Mixture
    from medllm.data.steps import Rows
    from medllm.data.store import Store
    from medllm.model.load import LanguageModel
    from medllm.report.inspection import Inspection
    from medllm.report.mixture import Account
    from medllm.report.rows import View

CANDIDATES = 8  # rows drawn for each that is compared: those with the most seams are taken


@dataclass(frozen=True, kw_only=True)
class Prepared:
    """A run that could start, as far as its data goes.

    global_batch, micro_batch: rows of an optimiser step, and rows padded together.
    """

    model: "LanguageModel"
    tokenizer: "PreTrainedTokenizerFast"
    data: "Mixture"
    stores: "dict[str, Store]"
    rows: "Rows"
    global_batch: int
    micro_batch: int

    def __len__(self) -> int:
        return len(self.rows.borders) - 1

    @property
    def is_pairs(self) -> bool:
        return next(iter(self.stores.values())).is_pairs

    def drawn(self, first: int, count: int) -> "Iterator[tuple[Drawn, ...]]":
        """`count` rows from number `first` on; of pairs, both rows."""
        from medllm.data.drawn import drawn
        from medllm.data.steps import Layout, Steps

        steps = Steps(
            self.stores,
            self.rows,
            global_batch=self.global_batch,
            layout=Layout(0, 1, self.micro_batch, self.global_batch // self.micro_batch),
            pad_id=self.tokenizer.pad_token_id,  # pyright: ignore[reportArgumentType]
            start=first // self.global_batch,
        )
        return drawn(steps, first, count)


def main(cfg: DictConfig) -> None:
    from rich.console import Console

    config.check(cfg, "inspect")
    _check(cfg)
    found = inspection(prepared(cfg), cfg)
    found.print(Console())
    if cfg.html:
        found.write(Path(cfg.html))
        print(f"page: {Path(cfg.html).absolute()}")
    if found.problems:
        raise ConfigError(found.problems)


def _check(cfg: DictConfig) -> None:
    """These keys stand in the root, where no signature tells their types."""
    problems = [
        f"{key}={cfg[key]!r} is not a count; give 0 or more"
        for key in ("rows", "first")
        if type(cfg[key]) is not int or cfg[key] < 0
    ]
    if not isinstance(cfg.stats, bool):
        problems.append(f"stats={cfg.stats!r} is not true or false")
    if not isinstance(cfg.html, str | None):
        problems.append(f"html={cfg.html!r} is not the name of a file")
    if problems:
        raise ConfigError(problems)


def prepared(cfg: DictConfig) -> Prepared:
    """What `cfg` would train on, made where it is missing."""
    stores = prepare(cfg)
    model, data = config.instantiate(cfg.model), config.instantiate(cfg.data)
    rows = data.rows(stores, epochs=cfg.stage.epochs, seed=cfg.seed)
    global_batch, micro_batch = cfg.stage.global_batch or 1, 1
    if cfg.stage.global_batch:
        micro_batch, _ = config.instantiate(cfg.hardware).accumulation(global_batch)
    return Prepared(
        model=model,
        tokenizer=model.tokenizer(),
        data=data,
        stores=stores,
        rows=rows,
        global_batch=global_batch,
        micro_batch=micro_batch,
    )


def inspection(run: Prepared, cfg: DictConfig) -> "Inspection":
    """What is shown of a run."""
    from medllm.report import mixture
    from medllm.report.inspection import Inspection

    found = mixture.accounts(run.stores, run.rows) if cfg.stats else []
    return Inspection(
        title=cfg.name,
        lead=f"What {run.model.name} will see: {len(run):,} rows of up to {run.data.seq_len:,} "
        f"tokens from {', '.join(run.stores)}, drawn as training draws them.",
        sources=list(run.stores),
        patients=[name for name, source in run.data.sources.items() if source.has_patient_data],
        views=list(_views(run, cfg.first, cfg.rows)),
        tables=list(_tables(run, found)) if found else [],
        panels=list(mixture.panels(found, run.data.mix_unit)) if found else [],
        problems=problems_of(run, config.instantiate(cfg.limits), seed=cfg.seed),
    )


def problems_of(run: Prepared, limits: "Limits", *, seed: int) -> list[str]:
    """What every check says."""
    from medllm.data import checks

    corpora = checks.corpora_of(run.stores)
    return [
        *checks.unlearnt_rows(run.stores, run.rows),
        *checks.unlearnt_ends(run.stores, corpora, run.tokenizer, read=limits.read),
        *checks.doubled_begins(run.stores, run.tokenizer, read=limits.read),
        *checks.changing_template(run.tokenizer, checks.conversations(corpora, read=limits.read)),
        *checks.truncated_examples(run.stores, share=limits.truncated),
        *_leaks(run, limits, seed),
    ]


def _leaks(run: Prepared, limits: "Limits", seed: int) -> list[str]:
    """Of pairs none: they are not packed."""
    from medllm.data.packed_loss import packing_leaks
    from medllm.model.miniature import miniature

    if not limits.compared or run.is_pairs:
        return []
    rows = [row for (row,) in run.drawn(0, CANDIDATES * limits.compared)]
    most = sorted(rows, key=lambda row: -len(row.begins))[: limits.compared]
    network = miniature(run.model.start, seed=seed)
    return packing_leaks(network, most, tolerance=limits.tolerance)


def _views(run: Prepared, first: int, count: int) -> "Iterator[View]":
    from medllm.report.characters import Spelling
    from medllm.report.rows import view

    if count and first >= len(run):
        raise ConfigError([f"first={first} is beyond the {len(run):,} rows of the run"])
    spelling = Spelling(run.tokenizer)
    for rows in run.drawn(first, count):
        yield view(rows, list(run.stores), spelling, global_batch=run.global_batch)


def _tables(run: Prepared, found: "list[Account]") -> "Iterator[Table]":
    from medllm.report import mixture, summary

    manifests = {name: store.manifest for name, store in run.stores.items()}
    rows = 2 * len(run) if run.is_pairs else len(run)
    packed = mixture.efficiency(found, rows, seq_len=run.data.seq_len)
    yield summary.stores_table(manifests)
    if dropped := summary.left_out_table(manifests):
        yield dropped
    yield mixture.lengths_table(found)
    yield mixture.mix_table(found, run.data.mix_unit, packed)
