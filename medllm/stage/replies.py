"""What the model says to a few fixed prompts, at every look: `run_dir/replies.jsonl` and W&B."""

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import pytorch_lightning as pl
from transformers import PreTrainedTokenizerBase

from medllm.eval.scorer import Generation
from medllm.stage.base import Stage
from medllm.stage.curves import Looks, looking, marks
from medllm.types import Question

NEW_TOKENS = 64  # a reply is cut there
COLUMNS = ("step", "prompt", "reply")


@runtime_checkable
class Tables(Protocol):
    """A logger that takes tables as well."""

    def log_table(
        self, key: str, *, columns: Sequence[str], data: Sequence[Sequence[Any]], step: int
    ) -> None: ...


class Replies(Looks):
    """Asks at the marks of `Heldout`, greedily, so that no random number is drawn.

    Stands before `Heldout`, whose row the table joins in W&B.

    prompts: each put to the model as a user's turn.
    is_whole: whether rank 0 holds all of the model; else nobody is asked, for a part cannot
        speak alone.
    is_public: whether replies may leave this machine. What learnt from patients' records may
        repeat them.
    """

    def __init__(
        self,
        prompts: Sequence[str],
        tokenizer: PreTrainedTokenizerBase,
        run_dir: Path,
        *,
        is_whole: bool,
        is_public: bool,
    ) -> None:
        super().__init__()
        self.prompts, self.tokenizer, self.file = prompts, tokenizer, run_dir / "replies.jsonl"
        self.is_whole, self.is_public = is_whole, is_public
        self.rows: list[dict[str, Any]] = []
        self.is_told = False  # whether the loggers of this attempt have the table

    def on_train_start(self, trainer: pl.Trainer, pl_module: Any) -> None:
        self.step, self.marks = trainer.global_step, marks(int(trainer.max_steps))
        if not self.prompts or not trainer.is_global_zero:
            self.marks = set()
        elif not self.is_whole:
            self.marks = set()
            print("tracker.prompts: skipped, for this strategy shards the model", file=sys.stderr)
        elif self.step:
            self.rows = [row for row in self._past() if row["step"] <= self.step]
        else:
            self._look(trainer, pl_module)

    def on_fit_end(self, trainer: pl.Trainer, pl_module: Any) -> None:
        """Where a run was resumed after its last look, or with nothing left to train."""
        self.rows = self.rows or [r for r in self._past() if r["step"] <= trainer.global_step]
        if self.rows and not self.is_told and trainer.is_global_zero:
            self._log(trainer)

    def _look(self, trainer: pl.Trainer, stage: Stage) -> None:
        questions = [Question(f"tracker.prompts/{n}", p) for n, p in enumerate(self.prompts)]
        generation = Generation(prompt="{question}", max_new_tokens=NEW_TOKENS, batch_size=8)
        with looking(trainer, stage) as network:
            replies = generation.replies(questions, network, self.tokenizer)  # pyright: ignore
            self.rows += [
                {"step": self.step, "prompt": question.text, "reply": reply.text}
                for question, reply in zip(questions, replies, strict=True)
            ]
            self._write()
            self._log(trainer)

    def _past(self) -> list[dict[str, Any]]:
        if not self.file.is_file():
            return []
        return [json.loads(line) for line in self.file.read_text(encoding="utf-8").splitlines()]

    def _write(self) -> None:
        beside = self.file.with_suffix(".jsonl.new")
        lines = (json.dumps(row, ensure_ascii=False) + "\n" for row in self.rows)
        beside.write_text("".join(lines), encoding="utf-8")
        beside.replace(self.file)

    def _log(self, trainer: pl.Trainer) -> None:
        self.is_told = True
        if not self.is_public:
            return
        data = [[row[column] for column in COLUMNS] for row in self.rows]
        for logger in trainer.loggers:
            if isinstance(logger, Tables):
                logger.log_table("replies", columns=COLUMNS, data=data, step=self.step)
