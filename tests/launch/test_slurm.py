"""The lines that queue jobs, word for word, and what is told when they cannot be queued."""

import sys
from pathlib import Path

import pytest

from medllm.errors import ConfigError, UserError
from medllm.launch import slurm
from medllm.launch.client import FOREIGN, ask
from medllm.launch.queue import COLUMNS
from tests.launch.made import a100x8n4, preparing, small, training

CODE = Path("/runs/.code/5e6f7a8b")


def test_a_run_on_four_nodes_of_eight_gpus():
    """4 x 8 = 32 tasks; the ranks hear SIGUSR1 two minutes before the limit."""
    assert slurm.line(training(after=["120", "121"]), CODE) == [
        "sbatch",
        "--parsable",
        "--job-name=world/sft/1a2b3c4d",
        "--comment=medllm 29c3b699",  # sha256 of "/runs"
        "--nodes=4",
        "--ntasks=32",
        "--ntasks-per-node=8",
        "--cpus-per-task=8",
        "--mem=900G",
        "--time=24:00:00",
        "--gres=gpu:a100:8",
        "--partition=gpu",
        "--account=med",
        "--dependency=afterok:120:121",
        "--kill-on-invalid-dep=yes",
        "--requeue",
        "--open-mode=append",
        "--output=/runs/world/sft/1a2b3c4d/jobs/slurm-%j.log",
        "--signal=USR1@120",
        "/runs/.code/5e6f7a8b/slurm/train.sh",
        "/runs/.code/5e6f7a8b",
        "module load cuda/12.4, gcc",
        sys.executable,
        "/runs/world/sft/1a2b3c4d",
        "srun",
        "--nodes=4",
        "--ntasks=32",
        "--ntasks-per-node=8",
        "--cpus-per-task=8",
        "--kill-on-bad-exit=1",
        "--export=ALL",
        "env",
        "OMP_NUM_THREADS=8",
        sys.executable,
        "-m",
        "medllm.run",
        "/runs/world/sft/1a2b3c4d",
    ]


def test_a_step_without_gpu_is_one_task_on_the_partition_for_it():
    """It asks for neither GPUs nor as much memory as the nodes with GPUs have."""
    assert slurm.line(preparing(), CODE) == [
        "sbatch",
        "--parsable",
        "--job-name=world/sft/1a2b3c4d",
        "--comment=medllm 29c3b699",
        "--nodes=1",
        "--ntasks=1",
        "--ntasks-per-node=1",
        "--cpus-per-task=8",
        "--time=24:00:00",
        "--partition=cpu",
        "--account=med",
        "--requeue",
        "--open-mode=append",
        "--output=/runs/world/sft/1a2b3c4d/jobs/slurm-%j.log",
        "/runs/.code/5e6f7a8b/slurm/cpu.sh",
        "/runs/.code/5e6f7a8b",
        "module load cuda/12.4, gcc",
        "env",
        "OMP_NUM_THREADS=8",
        sys.executable,
        "-m",
        "medllm.job",
        "prepare",
        "/runs/world/sft/1a2b3c4d",
    ]


def test_what_is_null_is_left_to_the_cluster():
    words = slurm.line(training(small()), CODE)
    asked = {word.partition("=")[0] for word in words if word.startswith("--")}
    assert not asked & {"--partition", "--account", "--qos", "--constraint", "--gres", "--mem"}


def test_a_step_without_gpu_asks_for_memory_where_it_shares_the_nodes():
    on = small(memory="4G", constraint="a100", flags={"exclusive": True})
    words = slurm.line(preparing(on), CODE)
    assert "--mem=4G" in words
    assert not {"--constraint=a100", "--exclusive"} & set(words)


def test_any_flag_of_sbatch_can_be_given():
    flags = {"exclusive": True, "mail-type": "END", "nice": 5, "overcommit": False}
    words = slurm.line(training(small(flags=flags)), CODE)
    assert words[words.index("--signal=USR1@30") + 1 :][:3] == [
        "--exclusive",
        "--mail-type=END",
        "--nice=5",
    ]
    assert "overcommit" not in " ".join(words)


def test_a_job_can_wait_for_others_however_they_end():
    words = slurm.line(training(after=["1"], after_any=["2", "3"]), CODE)
    assert "--dependency=afterok:1,afterany:2:3" in words


def test_a_percent_sign_in_a_folder_is_not_a_pattern_of_slurm():
    words = slurm.line(training(folder=Path("/runs/50%j/1a2b3c4d")), CODE)
    assert "--output=/runs/50%%j/1a2b3c4d/jobs/slurm-%j.log" in words


def test_in_a_container_the_ranks_run_its_python_and_see_the_runs():
    on = a100x8n4(container="nvcr.io#nvidia/pytorch:25.10-py3")
    words = slurm.line(training(on, mounts=[Path("/stores"), Path("/runs")]), CODE)
    assert words[words.index("--export=ALL") + 1 :] == [
        "--container-image=nvcr.io#nvidia/pytorch:25.10-py3",
        "--container-mounts=/runs:/runs,/stores:/stores",
        "--container-workdir=/runs",
        "env",
        "OMP_NUM_THREADS=8",
        "python",
        "-m",
        "medllm.run",
        "/runs/world/sft/1a2b3c4d",
    ]


def test_a_step_without_gpu_goes_into_the_container_too():
    words = slurm.line(preparing(a100x8n4(container="image.sqsh")), CODE)
    assert words[words.index("module load cuda/12.4, gcc") + 1] == "srun"
    assert words[-3:] == ["medllm.job", "prepare", "/runs/world/sft/1a2b3c4d"]


@pytest.fixture
def tool(tmp_path, monkeypatch):
    """Make a stand-in for one of Slurm's commands, first on PATH."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")

    def make(name, script):
        (folder / name).write_text(f"#!/bin/sh\n{script}\n")
        (folder / name).chmod(0o755)

    make("sinfo", "echo 'gpu*|infinite|4|64|1000000'; echo 'cpu|infinite|4|64|1000000'")
    return make


def test_the_number_of_a_job_is_what_sbatch_says_last(tmp_path, tool):
    tool("sbatch", "echo 'welcome to the cluster'; echo '123;loopback'")
    assert slurm.submit(training(folder=tmp_path / "run"), CODE) == "123"
    assert (tmp_path / "run/jobs").is_dir()


def test_what_another_job_was_given_is_not_handed_to_sbatch(tmp_path, tool, monkeypatch):
    """A submission from inside a job: SLURM_MEM_PER_NODE would contradict --mem-per-cpu."""
    tool("sbatch", 'echo "${SLURM_MEM_PER_NODE:-none}-${SLURM_CONF:-none}"')
    monkeypatch.setenv("SLURM_MEM_PER_NODE", "4000")
    monkeypatch.setenv("SLURM_CONF", "/etc/x.conf")
    assert slurm.submit(training(folder=tmp_path), CODE) == "none-/etc/x.conf"


def test_variables_that_hide_jobs_or_name_other_clusters_are_kept_from_slurm(tool, monkeypatch):
    """With SQUEUE_STATES=COMPLETED no job would be live, and every run be queued again."""
    for name in ("SQUEUE_STATES", "SACCT_FORMAT", "SINFO_ALL", "SCANCEL_QOS", "SLURM_CLUSTERS",
                 "SBATCH_CLUSTERS"):  # fmt: skip
        monkeypatch.setenv(name, "x")
    monkeypatch.setenv("SBATCH_PARTITION", "gpu")
    tool("squeue", "env")
    names = {line.partition("=")[0] for line in ask(["squeue"]).stdout.splitlines()}
    assert not {name for name in names if name.startswith(FOREIGN)}
    assert "SBATCH_PARTITION" in names


def found_as(said, name, comment="medllm 29c3b699", reason="None"):
    """A line of squeue about job 7."""
    cells = ["7", said, reason, "", "0:00", "0", comment, name]
    return "".join(cell.ljust(width) for cell, width in zip(cells, COLUMNS.values(), strict=True))


def test_a_job_that_sbatch_queued_before_it_gave_up_is_found(tmp_path, tool):
    said = "sbatch: error: Batch job submission failed: Socket timed out on send/recv operation"
    tool("sbatch", f"echo '{said}' >&2; exit 1")
    job = training()
    tool("squeue", f"echo '{found_as('PENDING', job.name)}'")
    job = training(folder=tmp_path)
    assert slurm.submit(job, CODE) == "7"
    tool("squeue", "true")
    with pytest.raises(UserError, match=r"sbatch did not answer in time .*Socket timed out"):
        slurm.submit(job, CODE)


@pytest.mark.parametrize(
    "line",
    [
        found_as("CANCELLED", training().name),
        found_as("PENDING", training().name, reason="DependencyNeverSatisfied"),
        found_as("RUNNING", "world/sft/00000000"),
        found_as("RUNNING", training().name, comment="medllm 00000000"),
    ],
    ids=["ended", "never", "another run", "other runs"],
)
def test_another_job_is_not_taken_for_it(tool, line):
    tool("squeue", f"echo '{line}'")
    assert slurm.find(training(), Path("/runs")) is None


def test_without_sbatch_nothing_can_be_queued(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(
        UserError,
        match="there is no sbatch here; go to a machine of the cluster, or start a small one with "
        "`make slurm-up`, or choose hardware that starts runs here: cpu, gpu1",
    ):
        slurm.submit(training(folder=tmp_path), CODE)


def test_without_squeue_jobs_cannot_be_asked_about(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(UserError, match="there is no squeue here"):
        slurm.states(["1"])


def test_a_cluster_that_does_not_answer_is_told_from_one_that_refuses(tool):
    words = "slurm_load_jobs error: Unable to contact slurm controller (connect failure)"
    tool("squeue", f"echo '{words}' >&2; exit 1")
    with pytest.raises(
        UserError,
        match=r"squeue is here, but no Slurm cluster answers: Unable to contact slurm controller",
    ):
        slurm.states(["1"])


# What sbatch 22.05 says, and the keys that are named for it.
REFUSALS = [
    (
        "Invalid account or account/partition combination specified",
        "change hardware.slurm.partition=gpu, hardware.slurm.cpu_partition=cpu, "
        "hardware.slurm.account=med",
    ),
    ("Invalid qos specification", "change hardware.slurm.qos=null"),
    ("Invalid feature specification", "change hardware.slurm.constraint=null"),
    (
        "Requested node configuration is not available",
        "change hardware.slurm.gres=gpu:a100:8, hardware.slurm.constraint=null, "
        "hardware.slurm.cpus=8, hardware.slurm.memory=900G",
    ),
    (
        "Requested time limit is invalid (missing or exceeds some limit)",
        "change hardware.slurm.time=24:00:00",
    ),
    ("Invalid generic resource (gres) specification", "change hardware.slurm.gres=gpu:a100:8"),
    ("Invalid --mem specification", "change hardware.slurm.memory=900G"),
    ("unrecognized option '--exlusive'", "change hardware.slurm.flags=null"),
]


@pytest.mark.parametrize(("words", "cure"), REFUSALS, ids=[words for words, _ in REFUSALS])
def test_what_sbatch_refuses_is_told_with_the_key_to_change(tmp_path, tool, words, cure):
    said = f"sbatch: error: Batch job submission failed: {words}"
    tool("sbatch", f'cat >&2 <<"E"\n{said}\nE\nexit 1')
    with pytest.raises(ConfigError) as refusal:
        slurm.submit(training(folder=tmp_path), CODE)
    (problem,) = refusal.value.problems
    assert problem == f"sbatch refuses world/sft/1a2b3c4d: {words}; {cure}"


def test_jobs_that_are_gone_need_no_cancelling(tool):
    tool("scancel", "echo 'scancel: error: Kill job error on job id 5: Invalid job id' >&2; exit 1")
    slurm.cancel(["5"])


def test_who_may_not_cancel_a_job_is_told(tool):
    tool("scancel", "echo 'scancel: error: Kill job error on job id 5: Access denied' >&2; exit 1")
    with pytest.raises(UserError, match="scancel cannot end 5: Kill job error on job id 5: Access"):
        slurm.cancel(["5"])


def test_who_may_not_queue_a_job_again_is_told(tool):
    tool("scontrol", "echo 'Invalid job id specified for job 5' >&2; exit 1")
    with pytest.raises(UserError, match="job 5 cannot be queued again: Invalid job id specified"):
        slurm.requeue("5")
