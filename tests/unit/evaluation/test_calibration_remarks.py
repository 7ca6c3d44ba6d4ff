"""What a reader of statements must know is said in words, and nothing where all is as promised."""

import dataclasses

import pytest

from linernotes.evaluation.abstaining import AbstentionReport
from linernotes.evaluation.calibrating import CoverageReport
from linernotes.evaluation.left_out import LeaveOutConfig
from linernotes.workflows.calibrate import remarks_of

HELD = CoverageReport(
    coverage=0.91, interval=(0.85, 0.95), below=0.05, above=0.04, by_size={}, width=0.03, brier=0.05,
    brier_base=0.08, gap=0.03, correlation=0.4, mattered=0.09, n_queries=32, n_sets=16,
)  # fmt: skip
NOBODY = AbstentionReport(
    null_queries=1.0, outputs=0.5, mattering=0.1, credited_mattering=0.9, n_null_queries=60, n_outputs=32,
    n_mattering=11, shares_alone=0.1,
)  # fmt: skip
CONFIG = LeaveOutConfig()


class Trained:
    recipe = CONFIG.recipe


def remarks(held=HELD, nobody=NOBODY, config=CONFIG, likeness=True):
    return remarks_of(held, nobody, config, Trained(), likeness)


def test_nothing_is_said_where_all_is_as_promised():
    assert remarks() == []


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"held": dataclasses.replace(HELD, coverage=0.7, interval=(0.6, 0.8))}, "held 70% of outcomes"),
        ({"held": dataclasses.replace(HELD, coverage=0.99, interval=(0.97, 1.0))}, "held 99% of outcomes"),
        ({"held": dataclasses.replace(HELD, brier=0.08)}, "hardly more than how often that is so"),
        ({"config": dataclasses.replace(CONFIG, n_groups=10)}, "few data: 10 groups"),
        ({"config": dataclasses.replace(CONFIG, n_outputs=8)}, "8 outputs"),
        (
            {"config": dataclasses.replace(CONFIG, recipe=dataclasses.replace(CONFIG.recipe, n_steps=100))},
            "retrained with 100 steps of 32 segments, the generator with 3000 of 32",
        ),
        ({"nobody": dataclasses.replace(NOBODY, null_queries=0.9)}, "credited for 10% of 60 recordings"),
        ({"nobody": dataclasses.replace(NOBODY, n_null_queries=20)}, "20 recordings from outside say little"),
        ({"likeness": False}, "likeness cannot be measured"),
    ],
)
def test_each_fault_is_said_once(changes, said):
    [remark] = remarks(**changes)
    assert said in remark
