import functools
import importlib.util
import sys

import pytest

from medllm.data.deidentify import presidio
from medllm.data.deidentify.deidentifier import Deidentifier
from medllm.errors import ConfigError

is_installed = importlib.util.find_spec("presidio_analyzer") is not None


@pytest.mark.skipif(not is_installed, reason="needs the extra phi")
def test_presidio_finds_what_our_rules_do_not():
    also = functools.partial(presidio.find, recognizers=["UsNpiRecognizer"], least_score=0.5)
    deidentifier = Deidentifier(languages=["en"], style="tag", seed=0, also=also)
    (text,), audit = deidentifier.apply("x", ["NPI 1234567893, dose 5 mg"])
    assert text == "NPI <RECORD1>, dose 5 mg"
    assert [each.rule for each in audit] == ["presidio_us_npi"]


def test_without_presidio_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "presidio_analyzer", None)
    presidio._recognizer.cache_clear()
    with pytest.raises(ConfigError, match=r"Presidio comes with pip install 'medllm\[phi\]'"):
        presidio.find("x", recognizers=["UsNpiRecognizer"], least_score=0.5)


def test_an_unknown_recognizer_is_named_with_those_there_are():
    with pytest.raises(ConfigError, match="'SpacyRecognizer' is not one of CreditCardRecognizer, "):
        presidio.find("x", recognizers=["SpacyRecognizer"], least_score=0.5)
