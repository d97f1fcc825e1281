"""The examples in docs/metrics.md and docs/scoring.md run as they are printed."""

import re
from pathlib import Path
from typing import Any

import torch

DOCS = Path(__file__).parents[2] / "docs"


def said_by(paper: str) -> dict[str, Any]:
    """Return what a page's examples leave behind, run one after the other."""
    torch.set_num_threads(1)
    names: dict[str, Any] = {}
    for code in re.findall(r"```python\n(.*?)```", (DOCS / paper).read_text(), re.DOTALL):
        exec(code, names)  # noqa: S102 - our own page
    return names


def test_the_measures_of_a_good_score_are_good() -> None:
    found = said_by("metrics.md")["found"]

    assert 0.9 < found.vus_pr <= 1
    assert found.event_recall == 1
    assert 0 < found.false_alarms_per_day < 3


def test_the_score_tells_the_fault_from_what_was_before() -> None:
    said = said_by("scoring.md")
    scores = said["scores"]

    assert (scores[:1440] >= 1).mean() < 0.01
    assert (scores[1460:] >= 1).all()
    assert said["judged"].blame[-1].argmax() == 1
