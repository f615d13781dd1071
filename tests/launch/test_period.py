from datetime import timedelta

import pytest

from medllm.launch.period import period

FORMS = {
    "90": timedelta(minutes=90),
    "3:07": timedelta(minutes=3, seconds=7),
    "24:00:00": timedelta(hours=24),
    "2-12": timedelta(days=2, hours=12),
    "2-12:30": timedelta(days=2, hours=12, minutes=30),
    "2-00:00:01": timedelta(days=2, seconds=1),
    "infinite": None,
    "UNLIMITED": None,
}


@pytest.mark.parametrize("text", FORMS)
def test_slurm_writes_lengths_of_time_in_eight_forms(text):
    assert period(text) == FORMS[text]


@pytest.mark.parametrize("text", ["24h", "1:2:3:4", "-5", "1-", ""])
def test_what_is_no_length_of_time_is_refused(text):
    with pytest.raises(ValueError, match="is no length of time"):
        period(text)
