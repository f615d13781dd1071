"""One rank's attempt at a frozen run, from where its newest checkpoint stands to the end.

steps, network -> stage -> trainer and its callbacks -> export/, done.json
"""

import json
import logging
import os
import warnings
from pathlib import Path
from typing import Any, cast

import pytorch_lightning as pl
import torch
import transformers
from omegaconf import OmegaConf
from pytorch_lightning.loggers import Logger
from torch.utils.data import DataLoader

from medllm import config, provenance
from medllm.checkpoint import folder as checkpoints
from medllm.checkpoint.callback import Checkpoints
from medllm.checkpoint.seen import Seen
from medllm.errors import Stopped
from medllm.estimate.compute import flops_per_token
from medllm.estimate.devices import peak_flops
from medllm.estimate.memory import suggestion
from medllm.estimate.size import Size, size
from medllm.frozen import Frozen
from medllm.journal import Journal
from medllm.model.export import export, filled
from medllm.parallel.gather import Learnt
from medllm.parallel.precision import precision
from medllm.parallel.strategy import environment, strategy
from medllm.stage.base import Stage
from medllm.stage.curves import Curves, Heldout
from medllm.stage.faults import told
from medllm.stage.progress import Bar
from medllm.stage.replies import Replies
from medllm.stage.watchdog import Watchdog
from medllm.track import Tracker, learnt_from_patients


class Attempt(Frozen):
    """What one rank makes of a run.

    step: the last optimiser step that ended.
    """

    def __init__(self, run_dir: Path, rank: int) -> None:
        _hush()
        super().__init__(run_dir, rank)
        self.step = self.start

    def train(self) -> None:
        """Train to the end, export, and say it is done.

        Raises:
            Stopped: a signal told it to; it is saved.
            UserError: the loss diverged, memory or disk ran out; says what to change.
        """
        if self.hardware.threads:
            torch.set_num_threads(self.hardware.threads)
        pl.seed_everything(self.cfg.seed + self.rank, verbose=False)
        watchdog = Watchdog(self.run_dir, rank=self.rank, timeout=self.hardware.timeout)
        with watchdog, told(
            self.run_dir, where=lambda: watchdog.where, suggestion=lambda: suggestion(self.cfg)
        ):  # fmt: skip
            if self.rank == 0:
                manifests = {name: store.manifest for name, store in self.stores.items()}
                provenance.record(self.run_dir, data=manifests)
            tracker = config.instantiate(self.cfg.tracker)
            try:
                self._fit_and_export(tracker, watchdog)
            finally:
                tracker.finish()

    def _fit_and_export(self, tracker: Tracker, watchdog: Watchdog) -> None:
        learnt = Learnt()
        done = self._fit(tracker, watchdog, learnt)
        if self.rank == 0:
            with watchdog.patient("exporting"):
                self._export(learnt)
                self._finish(done)
            tracker.refer(self.run_dir / "export", kind="model", name=self.run_id, facts=done)

    def _fit(self, tracker: Tracker, watchdog: Watchdog, learnt: Learnt) -> dict[str, float]:
        """Train to the end; the steps, tokens and seconds of training that it took in all."""
        stage, saver = self._stage(), self._saver(watchdog)
        callbacks = [watchdog, *self._callbacks(tracker), learnt, saver.seen, saver]
        try:
            self._run(stage, callbacks, self._loggers(tracker))
        finally:
            self.step = saver.step
        if saver.stopped:
            raise Stopped(
                f"told to stop: {self.run_dir} is saved at step {self.step} of "
                f"{self.steps.steps}; the same command goes on from there",
                saver.stopped,
            )
        tokens, seconds = int(stage.meter.learnt), round(saver.seconds, 1)
        return {"steps": self.steps.steps, "seconds": seconds, "tokens": tokens}

    def _stage(self) -> Stage:
        make = config.instantiate(self.cfg.stage)
        return make(self._network, self.steps.steps, list(self.stores))

    def _run(self, stage: Stage, callbacks: list[pl.Callback], loggers: list[Logger]) -> None:
        """Train from the newest checkpoint on."""
        hardware, half = self.hardware, precision(self.hardware)
        trainer = pl.Trainer(
            accelerator=hardware.accelerator,
            devices=hardware.devices,
            num_nodes=hardware.nodes,
            strategy=strategy(hardware, clip=self.cfg.stage.clip),
            plugins=[environment(hardware), *([half] if half else [])],
            precision=None if half else hardware.precision,
            max_steps=self.steps.steps,
            max_epochs=-1,
            accumulate_grad_batches=self.steps.layout.accumulate,
            callbacks=callbacks,
            logger=loggers,
            default_root_dir=self.run_dir,
            enable_checkpointing=False,
            enable_progress_bar=False,
            enable_model_summary=False,
            use_distributed_sampler=False,
        )
        # Lightning 2.6 broadcasts in its handler of SIGTERM, whatever collective that interrupts,
        # and ends with status 0 (test_resume). Until the first step a signal may end the process.
        trainer._signal_connector.register_signal_handlers = lambda: None
        loader = DataLoader(self.steps, batch_size=None)
        at = self.resumed.state if self.resumed else None
        trainer.fit(stage, loader, ckpt_path=at, weights_only=True)

    def _callbacks(self, tracker: Tracker) -> list[pl.Callback]:
        """In the order of their work: what stops a run first, what counts on it last."""
        public = not learnt_from_patients(self.cfg, Path(self.cfg.paths.runs))
        return [
            config.instantiate(self.cfg.guard)(self.run_dir, self.steps),
            Curves(*self._speed(), Journal(self.run_dir)),
            Replies(
                tracker.prompts,
                self.tokenizer,
                self.run_dir,
                is_whole=self.hardware.strategy not in ("zero3", "fsdp2"),
                is_public=public,
            ),
            Heldout(self._heldout()),
            Bar(self.run_dir.parent.name),
        ]

    def _speed(self) -> tuple[float | None, float | None]:
        """Operations per token, and per second of one device at best; None where unknown."""
        peak = peak_flops(self.hardware)
        found = size(self.cfg, {}) if peak else None
        known = isinstance(found, Size)
        return (flops_per_token(found, self.cfg) if known else None), peak

    def _saver(self, watchdog: Watchdog) -> Checkpoints:
        layout = self.steps.layout
        return Checkpoints(
            self.run_dir / "checkpoints",
            when=config.instantiate(self.cfg.checkpointing),
            resumed=self.resumed,
            seen=Seen(self.run_dir / "seen", start=self.start),
            seed=self.cfg.seed,
            timeout=self.hardware.timeout,
            layout={
                "processes": layout.world,
                "accumulate": layout.accumulate,
                "strategy": self.hardware.strategy,
            },
            patient=watchdog.patient,
        )

    def _loggers(self, tracker: Tracker) -> list[Logger]:
        cfg, hardware = self.cfg, self.hardware
        paper, _, job_type = cfg.name.rpartition("/")
        on = f"{hardware.nodes}x{hardware.devices} {hardware.device or hardware.accelerator}"
        loggers = tracker.loggers(
            self.run_id,
            group=cfg.group,
            job_type=job_type,
            tags=[tag for tag in (paper, cfg.model.name, *self.stores, on) if tag],
            config=cast(dict[str, Any], OmegaConf.to_container(cfg, resolve=True)),
            run_dir=self.run_dir,
            start=self.start,
        )
        for name, store in self.stores.items():
            facts = {"source": name, "entries": len(store)}
            tracker.refer(store.folder, kind="dataset", name=store.folder.name, facts=facts)
        return loggers

    def _export(self, learnt: Learnt) -> None:
        assert learnt.weights is not None, "the last step is done"
        network: Any = filled(self._untrained(), learnt.weights)
        folder = self.run_dir / "export"
        export(network, self.tokenizer, adapter=self.model.adapter, folder=folder)

    def _finish(self, done: dict[str, float]) -> None:
        os.sync()  # a node may lose its power with the export still in memory
        beside = self.run_dir / ".done.json.new"
        beside.write_text(json.dumps(done), encoding="utf-8")
        beside.replace(self.run_dir / "done.json")
        checkpoints.remove(self.run_dir / "checkpoints")


def _hush() -> None:
    """Less of what libraries say to nobody: devices not found, shards written, tips."""
    logging.getLogger("pytorch_lightning").setLevel(logging.ERROR)
    transformers.utils.logging.disable_progress_bar()
    # Rows come from memory maps, which worker processes would read 13 times slower.
    warnings.filterwarnings("ignore", ".*does not have many workers.*")
    warnings.filterwarnings("ignore", ".*`IterableDataset` has `__len__` defined.*")
    warnings.filterwarnings("ignore", ".*smaller than the logging interval.*")
    warnings.filterwarnings("ignore", ".*LeafSpec.*is deprecated.*")  # Lightning 2.6.6
    warnings.filterwarnings("ignore", ".*`srun` command is available.*")  # hardware.launcher says
    warnings.filterwarnings("ignore", ".*torch.distributed.*is deprecated.*")
    # The place in the plan is `Steps.start`, and is not Lightning's to keep.
    warnings.filterwarnings("ignore", ".*your dataloader is not resumable.*")
