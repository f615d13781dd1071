"""How soon a command answers, and how soon a run takes its first step.

    .venv/bin/python experiments/performance/overhead/start.py
    .venv/bin/python experiments/performance/overhead/start.py --repeats 9

CPU-seconds, user and system, of whole processes; each in turn, the least counts. A command is held
against `python -c "import hydra"`; the first step against a script that imports what a run imports
(torch, transformers, Lightning, wandb), begins an offline W&B run, builds the same model and takes
one step. Rows are prepared before. That torch is not imported is asserted in the processes.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

REPO = Path(__file__).resolve().parents[3]
REPEATS = 5
GOAL_COMMAND = 2.0  # times `import hydra`
GOAL_STEP = 1.1  # times the bare script

HEAVY = ("torch", "transformers", "pytorch_lightning", "wandb", "datasets", "numba", "matplotlib")
COMMAND = f"""
import sys
from medllm import cli
try:
    cli.main(sys.argv[1:])
except SystemExit as end:
    pass
found = [name for name in {HEAVY} if name in sys.modules]
assert not found, f"imported {{found}}"
"""
CHECK = f"""
import sys
from medllm import config
config.check(config.compose("train", sys.argv[1:]), "train")
assert not [name for name in {HEAVY} if name in sys.modules]
"""
# Prints the CPU-seconds, and ends.
FIRST_STEP = """
import json, os, time
def told(*_):
    print(json.dumps([time.process_time(), time.perf_counter() - begun]), flush=True)
    os._exit(0)
begun = time.perf_counter()
"""
OURS = (
    FIRST_STEP
    + """
import sys
from medllm import cli
from medllm.launch import local
launch = local.launch
def watched(*args):
    from torch.optim.optimizer import register_optimizer_step_post_hook
    register_optimizer_step_post_hook(told)
    launch(*args)
local.launch = watched
cli.main(["train", *sys.argv[1:]])
"""
)
BARE = (
    FIRST_STEP
    + """
import sys
import torch
import pytorch_lightning, transformers, peft
from transformers import LlamaConfig, LlamaForCausalLM
import wandb
from torch.optim.optimizer import register_optimizer_step_post_hook
folder, architecture = sys.argv[1:]
torch.manual_seed(17)
run = wandb.init(project="medllm", mode="offline", dir=folder,
                 settings=wandb.Settings(silent=True, console="off", x_disable_stats=True))
network = LlamaForCausalLM(LlamaConfig(**json.loads(architecture))).train()
optimizer = torch.optim.AdamW(network.parameters(), lr=1e-3)
ids = torch.randint(3, 500, (20, 128))
network(input_ids=ids, labels=ids, use_cache=False).loss.backward()
torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
register_optimizer_step_post_hook(told)
run.log({"loss": 0.0})
optimizer.step()
"""
)
BLIND = ("~data.heldout.general", "~data.heldout.medical")  # {} would be merged into them
RECIPE = "experiments=world/qilin_med"
RUN = ("experiments=world/base", "world=tiny", "stage.epochs=1", "tracker.mode=offline")


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--repeats", type=int, default=REPEATS)
    repeats = options.parse_args().repeats
    os.environ |= {"OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1", "PYTHONPATH": str(REPO)}
    with tempfile.TemporaryDirectory() as folder:
        os.environ |= {"MEDLLM_CORPORA": f"{folder}/corpora", "MEDLLM_STORES": f"{folder}/stores"}
        commands(Path(folder), repeats)
        first_step(Path(folder), repeats)


def commands(folder: Path, repeats: int) -> None:
    os.environ["MEDLLM_RUNS"] = f"{folder}/runs"
    cases = {
        "import hydra": ["-c", "import hydra"],
        "medllm --help": ["-c", COMMAND, "--help"],
        "medllm train --help": ["-c", COMMAND, "train", "--help"],
        "medllm train ... --cfg job": ["-c", COMMAND, "train", RUN[0], "--cfg", "job"],
        "compose and check": ["-c", CHECK, RUN[0]],
        "medllm train ..., refused": ["-c", COMMAND, "train", RUN[0], "stage.clip=high"],
        # Composes and checks five runs and four exams, and counts weights with transformers.
        "medllm recipe ... plan=true": ["-m", "medllm.cli", "recipe", RECIPE, "plan=true"],
    }
    spent = least(cases, repeats)
    base = spent.pop("import hydra")
    print(f"{'import hydra':30} {base:6.3f} CPU-s")
    for name, seconds in spent.items():
        # The goal is of a config, not of a plan.
        met = "" if "plan" in name else verdict(seconds <= GOAL_COMMAND * base)
        print(f"{name:30} {seconds:6.3f}   {seconds / base:5.2f} x   {met}")


def first_step(folder: Path, repeats: int) -> None:
    subprocess.run(
        [sys.executable, "-m", "medllm.cli", "prepare", *RUN[:3]], check=True, capture_output=True
    )
    bare, ours, blind = [], [], []
    for number in range(repeats):
        os.environ["MEDLLM_RUNS"] = f"{folder}/runs-{number}"
        bare.append(told("-c", BARE, str(folder), architecture()))
        ours.append(told("-c", OURS, *RUN))
        os.environ["MEDLLM_RUNS"] = f"{folder}/blind-{number}"
        blind.append(told("-c", OURS, *RUN, *BLIND))
    first, own, unseen = (
        [min(figure) for figure in zip(*runs, strict=True)] for runs in (bare, ours, blind)
    )
    print(f"{'bare script, first step':30} {first[0]:6.2f} CPU-s  {first[1]:6.2f} s")
    # Without a look at held-out text W&B begins after the first step: less than the script does.
    for name, found in {"medllm train": own, "... before W&B begins": unseen}.items():
        ratio = found[0] / first[0]
        met = verdict(ratio <= GOAL_STEP) if found is own else ""
        print(f"{name:30} {found[0]:6.2f}        {found[1]:6.2f}     {ratio:5.2f} x   {met}")


def architecture() -> str:
    """What world_s is made of, as JSON."""
    script = """
import json, sys
from medllm import config
start = config.compose("train", sys.argv[1:]).model.start
print(json.dumps({**start.architecture, "vocab_size": 512}))
"""
    return subprocess.check_output([sys.executable, "-c", script, *RUN[:2]], text=True).strip()


def told(*words: str) -> list[float]:
    """CPU-seconds and seconds up to the first step, which the process prints last."""
    said = subprocess.run([sys.executable, *words], text=True, check=True, capture_output=True)
    return json.loads(said.stdout.splitlines()[-1])


def least(cases: dict[str, list[str]], repeats: int) -> dict[str, float]:
    spent = {name: float("inf") for name in cases}
    for _ in range(repeats):
        for name, words in cases.items():
            spent[name] = min(spent[name], cost([sys.executable, *words]))
    return spent


def cost(words: list[str]) -> float:
    """CPU-seconds of a process that must succeed."""
    process = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    assert process.stderr is not None, "a pipe was asked for"
    said = process.stderr.read()
    _, status, used = os.wait4(process.pid, 0)
    assert status == 0, f"{words}: {said.decode()[-2000:]}"
    return used.ru_utime + used.ru_stime


def verdict(is_met: bool) -> str:
    return "PASS" if is_met else "FAIL"


if __name__ == "__main__":
    main()
