import io

from rich.console import Console

from medllm.estimate.architecture import Unknown
from medllm.estimate.memory import Memory
from medllm.estimate.show import table, verdict

GIB = 2**30
NEED = Memory(
    moments={
        "forward": {"weights": 40 * GIB, "activations": 20 * GIB},
        "update": {"weights": 40 * GIB, "update": GIB // 2},
    },
    capacity=80 * GIB,
    host={"processes": 3 * GIB},
)


def test_the_verdict_says_how_full_a_device_will_be():
    assert verdict(NEED) == "fits 80 GiB: 60.0 GiB, 75 %"


def test_the_verdict_says_how_full_a_device_may_be():
    tight = Memory(NEED.moments, 64 * GIB, {})
    assert verdict(tight) == "does not fit 64 GiB: 60.0 GiB, 94 % (at most 92 %)"


def test_the_verdict_says_what_is_not_known():
    nameless = Memory(NEED.moments, None, {})
    assert verdict(nameless).startswith("needs 60.0 GiB per device; hardware.device names none")
    assert verdict(Unknown("no config here")) == "memory unknown: no config here"


def test_the_table_adds_up_the_parts_of_each_moment():
    console = Console(width=80, file=io.StringIO())
    console.print(table(NEED))
    shown = [line.split() for line in console.file.getvalue().replace("│", " ").splitlines()]
    assert ["weights", "40.00", "40.00"] in shown
    assert ["activations", "20.00"] in shown
    assert ["together", "60.00", "40.50"] in shown
    assert ["memory", "of", "each", "node", "3.00"] in shown
    assert "fits 80 GiB: 60.0 GiB, 75 %" in console.file.getvalue()
