import numpy as np
import pytest

from medllm.report.panel import Line, Panel, running_mean


def test_a_short_curve_has_no_running_mean():
    assert running_mean(np.zeros(59)) is None


def test_the_running_mean_is_centred_and_cut_at_the_ends():
    """60 values: half a window is 60 // 20 // 2 + 1 = 2, so five values, three at the ends.

    Of 0, 1, 2, ...: at 0 (0 + 1 + 2) / 3 = 1; at 30 the value itself; at 59 (57 + 58 + 59) / 3.
    """
    mean = running_mean(np.arange(60.0))
    assert mean is not None
    assert mean[[0, 30, 59]] == pytest.approx([1, 30, 58])


def test_a_figure_says_in_words_where_its_lines_begin_and_end():
    line = Line(label="small", colour=0, x=np.array([1, 2]), y=np.array([3.0, 1.5]))
    panel = Panel(
        name="n", title="cpt: loss", x_label="step", y_label="nats", lines=[line], guess=0.2
    )
    assert (
        panel.alt == "cpt: loss; nats against step: small from 3 to 1.5; answering at random 0.2."
    )
