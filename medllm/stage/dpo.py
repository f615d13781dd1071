"""Direct preference optimisation: prefer the better of two replies."""

from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Literal

import torch
import torch.distributed as dist
from safetensors.torch import load_file, save_file

from medllm.errors import ConfigError, UserError
from medllm.losses import dpo, ipo, sequence_logps
from medllm.stage.base import Stage
from medllm.stage.optimizer import AdamW
from medllm.types import IGNORE, PairBatch


class PreferenceOptimisation(Stage):
    """Widen the margin between judged replies, tied to the model the stage started from.

    beta: strength of the tie, > 0; the paper uses 0.1 to 0.5.
    loss: "sigmoid" is DPO, "ipo" takes log-probabilities per token.
    label_smoothing: share of pairs presumed misjudged, for "sigmoid".
    reference: "adapter" switches LoRA off for a second pass, so no second model is kept;
        "stored" scores every pair once before the first step, into reference.safetensors of
        the run's folder, and works for any adapter.
    """

    wants_pairs = True

    def __init__(
        self,
        load_network: Callable[[], torch.nn.Module],
        steps: int,
        sources: Sequence[str],
        *,
        optimizer: AdamW,
        global_batch: int,
        epochs: int,
        clip: float,
        beta: float,
        loss: Literal["sigmoid", "ipo"],
        label_smoothing: float,
        reference: Literal["adapter", "stored"],
    ) -> None:
        super().__init__(
            load_network, steps, sources,
            optimizer=optimizer, global_batch=global_batch, epochs=epochs, clip=clip,
        )  # fmt: skip
        if problems := _problems(beta, loss, label_smoothing):
            raise ConfigError(problems)
        self.beta, self.loss = beta, loss
        self.label_smoothing, self.reference = label_smoothing, reference
        self.stored: dict[int, torch.Tensor] = {}  # pair to (2,) scores, chosen and rejected

    def configure_model(self) -> None:
        super().configure_model()
        if self.reference == "adapter" and not hasattr(self.network, "disable_adapter"):
            raise ConfigError(
                [
                    "stage.reference=adapter needs an adapter to switch off: "
                    "set model/adapter=lora, or stage.reference=stored"
                ]
            )

    def on_train_start(self) -> None:
        if self.reference == "stored":
            self.stored = self._table()

    def training_step(self, batch: PairBatch, batch_idx: int) -> torch.Tensor:
        policy = self._scores(batch)
        real = (batch.pairs >= 0).float()  # the last step may be filled up with empty rows
        reference = self._reference(batch)
        loss, margin = self._loss(*policy.chunk(2), *reference.chunk(2))
        chosen, rejected = (self.beta * (policy.detach() - reference)).chunk(2)
        self.meter.add_pairs(batch.targets)
        self.meter.add(
            loss=(loss * real).sum(),
            margin=(margin * real).sum(),
            accuracy=((margin > 0) * real).sum(),
            chosen_reward=(chosen * real).sum(),
            rejected_reward=(rejected * real).sum(),
            count=real.sum(),
        )
        return (loss * real).sum() * (self.parts / batch.judged)

    def _loss(self, *scores: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        if self.loss == "ipo":
            return ipo(*scores, beta=self.beta)
        return dpo(*scores, beta=self.beta, label_smoothing=self.label_smoothing)

    def _scores(self, batch: PairBatch) -> torch.Tensor:
        """(2P,) log-probabilities of the replies, per token for IPO."""
        assert self.network is not None, "configure_model comes first"
        logits = self.network(input_ids=batch.ids, use_cache=False).logits
        logps = sequence_logps(logits, batch.targets)
        if self.loss == "ipo":
            return logps / (batch.targets != IGNORE).sum(dim=1).clamp(min=1)
        return logps

    @torch.no_grad()
    def _reference(self, batch: PairBatch) -> torch.Tensor:
        if self.reference == "stored":
            pairs = [self.stored[pair] for pair in batch.pairs.tolist()]
            return torch.stack(pairs, dim=1).flatten().to(batch.ids.device)
        with self._without_adapter():
            return self._scores(batch)

    def _without_adapter(self) -> AbstractContextManager:
        assert self.network is not None, "configure_model comes first"
        return self.network.disable_adapter()  # pyright: ignore[reportCallIssue]

    def _table(self) -> dict[int, torch.Tensor]:
        """Scores of every pair: read where a run is resumed, for its weights have moved since."""
        file = Path(self.trainer.default_root_dir) / "reference.safetensors"
        if not file.exists():
            if self.trainer.global_step:
                raise UserError(
                    f"{file} is gone, and {self.trainer.global_step} steps are trained already; "
                    f"remove {file.parent} to start from the first"
                )
            return self._score(file)
        held = load_file(file)
        return dict(zip(held["pairs"].tolist(), held["scores"], strict=True))

    def _score(self, file: Path) -> dict[int, torch.Tensor]:
        """Score the pairs of all devices once, with the weights as they are before step 1."""
        assert self.trainer.train_dataloader is not None, "fit has a dataloader"
        mine = self._scored(self.trainer.train_dataloader.dataset.once())
        everyone: list[dict[int, torch.Tensor]] = [mine]
        if self.trainer.world_size > 1:
            everyone *= self.trainer.world_size
            dist.all_gather_object(everyone, mine)
        scores = {pair: score for part in everyone for pair, score in part.items()}
        # What fills the last step up counts nothing, and may not have been among the batches.
        scores[-1] = torch.zeros_like(next(iter(scores.values())))
        if self.trainer.is_global_zero:
            table = {
                "pairs": torch.tensor(list(scores), dtype=torch.int64),
                "scores": torch.stack(list(scores.values())),
            }
            beside = file.with_suffix(".new")
            save_file(table, beside)
            beside.replace(file)
        self.trainer.strategy.barrier()
        return scores

    @torch.no_grad()
    def _scored(self, batches: Iterable[PairBatch]) -> dict[int, torch.Tensor]:
        """Pair to (2,) scores, chosen and rejected, of this device's batches."""
        assert self.network is not None, "configure_model comes first"
        scored: dict[int, torch.Tensor] = {}
        self.network.eval()
        for batch in batches:
            here = batch._replace(
                ids=batch.ids.to(self.device), targets=batch.targets.to(self.device)
            )
            with self.trainer.precision_plugin.train_step_context():  # as in training
                scores = torch.stack(self._scores(here).cpu().chunk(2), dim=1)
            scored |= dict(zip(batch.pairs.tolist(), scores, strict=True))
        self.network.train()
        return scored


def _problems(beta: float, loss: str, label_smoothing: float) -> list[str]:
    problems = []
    if beta <= 0:
        problems.append(f"stage.beta={beta} must be above 0")
    if not 0 <= label_smoothing < 0.5:
        problems.append(f"stage.label_smoothing={label_smoothing} must be in [0, 0.5)")
    if loss == "ipo" and label_smoothing:
        problems.append(
            f"stage.label_smoothing={label_smoothing} does nothing with stage.loss=ipo; set 0"
        )
    return problems
