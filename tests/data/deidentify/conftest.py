import pytest

from medllm.data.deidentify.deidentifier import Deidentifier


@pytest.fixture(scope="session")
def removed():
    """What is removed from a text, as (rule, words), by the rules of both languages."""
    deidentifier = Deidentifier(languages=["zh", "en"], style="tag", seed=0)
    return lambda text: [
        (each.rule, text[each.start : each.end]) for each in deidentifier.find([text])[0]
    ]
