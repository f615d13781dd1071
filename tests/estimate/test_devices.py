import pytest

from medllm import config
from medllm.errors import ConfigError
from medllm.estimate.devices import DEVICES, device, peak_flops
from tests.estimate.made import composed


def hardware(tmp_path, *overrides):
    return config.instantiate(composed(tmp_path, "hardware=gpu1", *overrides).hardware)


def test_a_device_is_found_by_its_name(tmp_path):
    found = device(hardware(tmp_path, "hardware.device=a100-80"))
    assert found == DEVICES["a100-80"]
    assert found.memory == 80 * 2**30


def test_a_device_without_a_name_is_unknown(tmp_path):
    assert device(hardware(tmp_path)) is None
    assert peak_flops(hardware(tmp_path)) is None


def test_an_unknown_name_is_refused_with_the_nearest(tmp_path):
    with pytest.raises(ConfigError, match=r"hardware.device=a100-81 is not known; did you mean"):
        device(hardware(tmp_path, "hardware.device=a100-81"))


def test_bf16_is_refused_where_a_device_has_none(tmp_path):
    with pytest.raises(ConfigError, match=r"hardware.device=v100 has no bf16.*precision=32-true"):
        device(hardware(tmp_path, "hardware.device=v100"))


@pytest.mark.parametrize(
    ("precision", "peak"),
    [("bf16-true", 989.4e12), ("bf16-mixed", 989.4e12), ("32-true", 66.9e12), ("64-true", None)],
)
def test_the_peak_is_that_of_the_precision(tmp_path, precision, peak):
    named = hardware(tmp_path, "hardware.device=h100", f"hardware.precision={precision}")
    assert peak_flops(named) == peak


def test_processors_have_no_known_peak(tmp_path):
    here = composed(tmp_path, "hardware.device=h100").hardware
    assert peak_flops(config.instantiate(here)) is None


def test_every_hardware_names_a_device_that_is_known(tmp_path):
    for file in (config.CONF / "hardware").glob("*.yaml"):
        device(config.instantiate(composed(tmp_path, f"hardware={file.stem}").hardware))
