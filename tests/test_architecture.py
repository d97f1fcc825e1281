"""What holds for every file, whoever wrote it; who may import whom is in pyproject.toml."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

HOUSE = Path(__file__).parents[1]
PRODUCT = sorted([*HOUSE.glob("pipeline/**/*.py"), *HOUSE.glob("models/**/*.py")])
PAPERS = sorted([*HOUSE.glob("*.md"), *HOUSE.glob("docs/*.md")])
BENCH = sorted(HOUSE.glob("bench/**/*.py"))
CODE = sorted([*PRODUCT, *BENCH, *HOUSE.glob("tests/**/*.py")])
MOST_LINES = 400
MOST_FUNCTION_LINES = 50

Function = ast.FunctionDef | ast.AsyncFunctionDef


def title(path: Path) -> str:
    return str(path.relative_to(HOUSE))


def functions(path: Path) -> Iterator[Function]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, Function):
            yield node


def body_lines(function: Function) -> int:
    """Return how long a function is, without its docstring."""
    first = function.body[1] if ast.get_docstring(function) and function.body[1:] else None
    begin = function.lineno if first is None else first.lineno
    return (function.end_lineno or begin) - begin + 1


def test_there_is_something_to_look_at() -> None:
    assert len(PRODUCT) > 50
    assert HOUSE / "README.md" in PAPERS


@pytest.mark.parametrize("path", CODE, ids=title)
def test_a_file_is_short_enough_to_be_read(path: Path) -> None:
    lines = path.read_text().count("\n")
    assert lines <= MOST_LINES


@pytest.mark.parametrize("path", PRODUCT, ids=title)
def test_a_function_fits_on_a_screen(path: Path) -> None:
    lines = {each.name: body_lines(each) for each in functions(path)}
    assert [name for name in lines if lines[name] > MOST_FUNCTION_LINES] == []


@pytest.mark.parametrize("path", [*PRODUCT, *BENCH], ids=title)
def test_nothing_that_runs_code_when_it_is_read_is_used(path: Path) -> None:
    modules = "pickle|joblib|dill|shelve|marshal"
    banned = rf"torch\.load\(|^\s*(import|from) ({modules})\b|allow_pickle=\w"
    assert re.search(banned, path.read_text(), re.MULTILINE) is None


@pytest.mark.parametrize("path", [*PRODUCT, *PAPERS], ids=title)
def test_no_path_of_one_machine_stands_in_the_product(path: Path) -> None:
    ours = r"(?<![\w.])/(work|root|home|tmp|shared|Users)/\S*"
    assert re.search(ours, path.read_text()) is None


@pytest.mark.parametrize("path", PAPERS, ids=title)
def test_links_between_papers_lead_somewhere(path: Path) -> None:
    links = re.findall(r"\]\((?!https?:|#)([^)#]+)", path.read_text())
    assert [link for link in links if not (path.parent / link).exists()] == []
