import io

import numpy as np
import pytest
from PIL import Image

from medllm.report import chains, plots, training


@pytest.mark.parametrize(
    "make", [chains.scores, chains.heldout, chains.forgetting, training.losses, training.mixes]
)
def test_every_kind_of_figure_is_drawn_on_light_and_on_dark(recipe, make):
    panel = next(iter(make(recipe)))
    for theme, paper in (("light", (255, 255, 255)), ("dark", (26, 30, 37))):
        image = Image.open(io.BytesIO(plots.draw(panel, theme))).convert("RGB")
        assert image.getpixel((0, 0)) == paper
        assert len(np.unique(np.asarray(image).reshape(-1, 3), axis=0)) > 10


def test_the_same_panel_gives_the_same_file(recipe):
    panel = next(training.losses(recipe))
    assert plots.draw(panel, "light") == plots.draw(panel, "light")
