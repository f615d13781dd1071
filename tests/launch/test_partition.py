"""Jobs that Slurm would take and never start."""

import pytest

from medllm.launch.partition import parsed, problems
from tests.launch.made import a100x8n4, preparing, small, training

# As sinfo prints it: a default of two small nodes, GPUs on four nodes of two kinds, and CPUs.
CLUSTER = parsed(
    "debug*|infinite|2|8|64000\n"
    "gpu|1-00:00:00|3|64|1000000\n"
    "gpu|1-00:00:00|1|128|2000000\n"
    "cpu|2:00:00|10|64|250000\n"
)


def wrong(job, default=None):
    return problems(job, CLUSTER, default=default)


def test_a_job_that_fits_is_not_refused():
    assert wrong(training()) == []
    assert wrong(training(small())) == []


def test_a_partition_is_one_of_those_there_are():
    assert wrong(training(a100x8n4(partition="gpus"))) == [
        "hardware.slurm.partition=gpus is not a partition here; there are debug, gpu, cpu"
    ]
    assert wrong(preparing(a100x8n4(cpu_partition="big"))) == [
        "hardware.slurm.cpu_partition=big is not a partition here; there are debug, gpu, cpu"
    ]


def test_a_partition_in_the_environment_counts_as_the_users_own():
    assert wrong(training(small()), default="gpus") == [
        "hardware.slurm.partition=gpus is not a partition here; there are debug, gpu, cpu"
    ]


def test_a_job_may_not_take_longer_than_its_partition_allows():
    assert wrong(training(a100x8n4(time="1-00:00:01"))) == [
        "hardware.slurm.time=1-00:00:01, but partition gpu ends jobs after 1 day, 0:00:00"
    ]


def test_a_quality_of_service_may_lift_the_limit():
    assert wrong(training(a100x8n4(time="2-00:00:00", qos="long"))) == []


def test_a_job_may_not_want_more_than_the_partition_has():
    """8 tasks of 17 processors are 136; 2000 GiB are 2048000 MiB."""
    asked = a100x8n4(cpus=17, memory="2000G")
    assert wrong(training(asked)) == [
        "8 tasks a node with hardware.slurm.cpus=17 each, but partition gpu has nodes of at most "
        "128 processors",
        "hardware.slurm.memory=2000G, but partition gpu has nodes of at most 2000000M",
    ]
    assert wrong(training(a100x8n4(partition="debug", memory=None, cpus=1))) == [
        "hardware.nodes=4, but partition debug has 2 nodes"
    ]


@pytest.mark.parametrize("memory", ["0", "1024", "4G", "1t"])
def test_memory_of_every_form_fits(memory):
    """0 is all of a node; without a unit it is MiB; 1 TiB is 1048576 MiB, below 2000000."""
    assert wrong(training(a100x8n4(memory=memory))) == []


def test_of_several_partitions_one_that_fits_is_enough():
    """Of debug there are too few nodes with too few processors and too little memory."""
    assert wrong(training(a100x8n4(partition="debug,gpu"))) == []
    assert len(wrong(training(a100x8n4(partition="debug")))) == 3
