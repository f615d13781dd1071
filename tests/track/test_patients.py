"""Patients' words may come back out of a model, however many runs later."""

import pytest
from omegaconf import OmegaConf

from medllm.track.patients import learnt_from_patients


def config(*, patients, previous=None):
    sources = {"books": {"has_patient_data": False}, "notes": {"has_patient_data": patients}}
    return OmegaConf.create({"data": {"sources": sources}, "previous": previous})


def frozen(runs, run_id, **how):
    (runs / run_id).mkdir(parents=True)
    OmegaConf.save(config(**how), runs / run_id / "config.yaml")


@pytest.mark.parametrize("patients", [True, False])
def test_one_source_is_enough(tmp_path, patients):
    assert learnt_from_patients(config(patients=patients), tmp_path) is patients


@pytest.mark.parametrize("patients", [True, False])
def test_a_run_two_before_is_remembered(tmp_path, patients):
    frozen(tmp_path, "toy/cpt/1", patients=patients)
    frozen(tmp_path, "toy/sft/2", patients=False, previous="toy/cpt/1")
    assert learnt_from_patients(config(patients=False, previous="toy/sft/2"), tmp_path) is patients


def test_of_a_run_that_is_gone_the_worst_is_presumed(tmp_path):
    assert learnt_from_patients(config(patients=False, previous="toy/cpt/1"), tmp_path)
