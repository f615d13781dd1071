"""Where the numbers of a run go while it trains: metrics.csv always, Weights & Biases if wanted.

    figures -> MetricsFile -> metrics.csv        the truth: kept through restarts, row by row
                    |
               WandB                             follows it: its n-th step is the n-th row

The id of a run is its digest, so a run that is stopped and started again goes on as itself,
in the file and on the server. Only rank 0 writes.
"""

from medllm.track.metrics_file import MetricsFile
from medllm.track.patients import learnt_from_patients
from medllm.track.tracker import Tracker, has_key
from medllm.track.wandb_run import WandB

__all__ = ["MetricsFile", "Tracker", "WandB", "has_key", "learnt_from_patients"]
