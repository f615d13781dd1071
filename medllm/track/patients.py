"""Whether a model may have patients' words in its memory, and could repeat them."""

from pathlib import Path

from omegaconf import DictConfig, OmegaConf


def learnt_from_patients(cfg: DictConfig, runs: Path) -> bool:
    """Whether the run, or one that it starts from, has a source marked `has_patient_data`.

    Args:
        cfg: of the run, as frozen.
        runs: the folder of all runs. An earlier run that is not there any more may have.
    """
    if any(source.has_patient_data for source in cfg.data.sources.values()):
        return True
    if not cfg.get("previous"):
        return False
    before = runs / cfg.previous / "config.yaml"
    if not before.is_file():
        return True
    earlier = OmegaConf.load(before)
    assert isinstance(earlier, DictConfig), "config.yaml is a mapping"
    return learnt_from_patients(earlier, runs)
