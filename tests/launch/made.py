"""Hardware, and jobs on it, as tests of launching want them."""

from pathlib import Path

from medllm.hardware import Hardware, Slurm
from medllm.launch.job import Job


def hardware(**changes):
    """One process on this machine."""
    given = {
        "launcher": "local",
        "accelerator": "cpu",
        "device": None,
        "nodes": 1,
        "devices": 1,
        "micro_batch": 2,
        "precision": "32-true",
        "strategy": "ddp",
        "offload": "none",
        "attention": "sdpa",
        "threads": None,
        "gradient_checkpointing": False,
        "timeout": 300,
        "head": None,
        "slurm": None,
    }
    return Hardware(**{**given, **changes})


def slurm(**changes):
    """What a job asks for that leaves all it can to the cluster."""
    given = {
        "partition": None,
        "account": None,
        "qos": None,
        "time": "00:05:00",
        "gres": None,
        "constraint": None,
        "cpus": 1,
        "memory": None,
        "container": None,
        "flags": {},
        "environment": "",
        "cpu_partition": None,
        "grace": 30,
    }
    return Slurm(**{**given, **changes})


def small(**changes):
    """Two nodes, one process on each."""
    return hardware(launcher="slurm", nodes=2, threads=1, slurm=slurm(**changes))


def a100x8n4(**changes):
    """Four nodes of eight GPUs."""
    wishes = {
        "partition": "gpu",
        "account": "med",
        "time": "24:00:00",
        "gres": "gpu:a100:8",
        "cpus": 8,
        "memory": "900G",
        "environment": "module load cuda/12.4, gcc",
        "cpu_partition": "cpu",
        "grace": 120,
    }
    return hardware(
        launcher="slurm", accelerator="gpu", nodes=4, devices=8, slurm=slurm(**wishes | changes)
    )


def training(on=None, folder=Path("/runs/world/sft/1a2b3c4d"), **changes):
    """The job that trains the run in `folder`."""
    given = {
        "name": "world/sft/1a2b3c4d",
        "body": "train.sh",
        "words": [str(folder)],
        "folder": folder,
        "hardware": on or a100x8n4(),
        "on_cpu": False,
    }
    return Job(**given | changes)


def preparing(on=None, folder=Path("/runs/world/sft/1a2b3c4d"), **changes):
    """The job that makes its data."""
    words = ["medllm.job", "prepare", str(folder)]
    return training(on, folder, **{"body": "cpu.sh", "words": words, "on_cpu": True} | changes)
