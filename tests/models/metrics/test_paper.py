"""docs/metrics.md speaks of what there is, and of all of it."""

import re
from pathlib import Path

import numpy as np

from tocsin_models import metrics

PAPER = (Path(__file__).parents[3] / "docs" / "metrics.md").read_text()


def test_every_function_is_told_of() -> None:
    functions = [name for name in metrics.__all__ if name.islower()]

    assert [name for name in functions if not re.search(rf"`{name}\b", PAPER)] == []


def test_the_example_imports_what_there_is_and_prints_what_is_measured() -> None:
    code = PAPER.split("```python\n")[1].split("```")[0]
    imported = re.findall(r"\w+", code.split(" import ")[1].splitlines()[0])
    printed = re.findall(r"found\.(\w+)", code)

    found = metrics.measure(np.array([0, 1]), np.array([0.0, 1.0]), np.array([0, 1]))

    assert set(imported) <= set(metrics.__all__)
    assert [name for name in printed if not hasattr(found, name)] == []
