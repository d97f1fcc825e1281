import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from desk import Desk
from recordings import write_sets
from tocsin.cli.benchmark import spread_lists
from tocsin.cli.benchmarking import tell_span
from tocsin.tools.backtest.journal import append_result, read_journal
from tocsin.tools.backtest.names import BENCHMARK_SETS

ROOT = Path(__file__).parents[3]
TOCSIN = Path(sys.executable).with_name("tocsin")


@pytest.fixture
def recordings(desk: Desk) -> Path:
    return write_sets(desk.folder / "recordings")


@pytest.mark.parametrize(
    ("words", "spread"),
    [
        ("--sets smd nab", "--sets smd --sets nab"),
        ("--sets smd,nab", "--sets smd --sets nab"),
        ("--sets=smd,nab asd", "--sets smd --sets nab --sets asd"),
        ("--sets smd --sets nab", "--sets smd --sets nab"),
        ("--sets smd here --json out", "--sets smd here --json out"),
        ("here --models lstm pca --sets nbb", "here --models lstm --models pca --sets nbb"),
        ("here smd --json out", "here smd --json out"),
        ("--sets smd lstm", "--sets smd lstm"),
        ("--sets", ""),
    ],
)
def test_a_list_can_be_written_as_people_write_lists(words: str, spread: str) -> None:
    assert list(spread_lists(words.split())) == spread.split()


def test_a_benchmark_measures_what_was_asked_for_and_tells_what_failed(
    desk: Desk, recordings: Path
) -> None:
    np.savez(recordings / "asd" / "omi-1.npz", y=np.ones(3))
    words = ("benchmark", recordings, "--json", "found/out.json", "--jobs", "1", "--seeds", "1")
    models = ("--models", "always", "t2-ewma")

    result = desk.call(*words, *models, "--sets", "smd", "nab", "asd")

    assert result.exit_code == 3, result.output
    assert "6 of 6" in result.stderr
    assert "omi-1.npz: there is no array 'train' in it" in result.stderr
    assert "2 runs failed" in result.stderr
    found = json.loads((desk.folder / "found" / "out.json").read_text())
    assert found["seeds"] == [0]
    assert list(found["sets"]) == ["smd", "nab", "asd"]
    assert list(found["sets"]["smd"]) == ["always", "t2-ewma"]
    assert found["sets"]["smd"]["t2-ewma"]["auc_pr"]["series"]["machine-1-1"] > 0.9
    assert found["settings"]["recipe"]["network"]["form"] == "lstm"
    assert found["settings"]["jobs"] == 1
    assert [each["series"] for each in found["failures"]] == ["omi-1"] * 2
    tables = (desk.folder / "found" / "out.md").read_text()
    assert "## nab, 1 series" in tables
    assert "| 64 | 16 | 30 | residual, error, motion, neighbours, bulk | 1, 5, 20, 60 |" in tables

    again = desk.call(*words, *models, "--sets", "smd", "nab")  # all of it is known by now

    assert again.exit_code == 0, again.output
    assert "4 of 4" in again.stderr
    assert json.loads((desk.folder / "found" / "out.json").read_text())["failures"] == []
    assert sorted(path.name for path in (desk.folder / "found").iterdir()) == [
        "out.journal.jsonl",
        "out.json",
        "out.md",
    ]


@pytest.fixture
def _hears_interrupts() -> Iterator[None]:
    """What began us may ignore them, and then what we begin does too."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("_hears_interrupts")
def test_what_was_interrupted_goes_on_and_says_for_how_long(desk: Desk, recordings: Path) -> None:
    options = "--json out.json --jobs 1 --seeds 1 --models always --sets smd nab"
    words = ["benchmark", str(recordings), *options.split()]
    journal, stuck = desk.folder / "out.journal.jsonl", recordings / "nab" / "real" / "pump.csv"
    content = stuck.read_bytes()
    stuck.unlink()
    os.mkfifo(stuck)  # who opens it waits for somebody to write

    process = subprocess.Popen(
        [TOCSIN, *words], stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    try:
        stuck.write_bytes(content)  # for the digest; the worker waits for more
        while not read_journal(journal):
            assert process.poll() is None
            time.sleep(0.05)
        os.killpg(process.pid, signal.SIGINT)
        _, said = process.communicate(timeout=20)
    finally:
        process.kill()
        process.communicate()

    assert process.returncode == 130, said
    assert said.endswith("stopped; the same command goes on from here\n")
    assert not (desk.folder / "out.json").exists()
    stuck.unlink()
    stuck.write_bytes(content)
    (known,) = read_journal(journal).values()
    append_result(journal, replace(known, took_s=300.0))
    again = desk.call(*words)
    assert again.exit_code == 0, again.output
    first, *_, last = again.stderr.splitlines()
    assert first == "1 of 2 about 5 min left"
    assert last == "2 of 2 nab real/pump always seed 0"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--sets", "skabb"), "--sets skabb: there is no such thing; did you mean skab?"),
        (("--models", "transformer"), "choose from default, lstm"),
        (("--seeds", "0"), "--seeds"),
    ],
)
def test_what_there_is_not_is_a_mistake_of_use(
    desk: Desk, recordings: Path, words: tuple[str, ...], said: str
) -> None:
    result = desk.call("benchmark", recordings, "--json", "out.json", *words)

    assert result.exit_code == 2
    assert said in result.stderr
    assert not (desk.folder / "out.json").exists()


@pytest.mark.parametrize("name", ["found/b.md", "b.MD"])
def test_the_tables_are_not_written_over_the_figures(
    desk: Desk, recordings: Path, name: str
) -> None:
    result = desk.call("benchmark", recordings, "--json", name, "--models", "always")

    assert result.exit_code == 2
    assert f"--json {name}: the tables get that name; call it b.json" in result.stderr
    assert [path.name for path in desk.folder.iterdir()] == ["recordings"]


@pytest.mark.parametrize(
    ("place", "said"),
    [
        (".", "that is a folder; name a file in it"),
        ("recordings", "that is a folder; name a file in it"),
        ("/proc/out.json", "cannot write there: "),
        ("tocsin.toml/out.json", "cannot make tocsin.toml: "),
    ],
)
def test_where_nothing_can_be_written_it_is_said_before_anything_is_measured(
    desk: Desk, recordings: Path, place: str, said: str
) -> None:
    desk.write("")
    result = desk.call("benchmark", recordings, "--json", place, "--models", "always")

    assert result.exit_code == 2
    assert f"--json {place}: {said}" in result.stderr
    assert len(result.stderr.splitlines()) == 1


def test_a_folder_without_recordings_is_a_mistake_of_use(desk: Desk) -> None:
    missing = desk.call("benchmark", desk.folder / "nowhere", "--json", "out.json")
    empty = desk.call("benchmark", desk.folder, "--json", "out.json")

    assert (missing.exit_code, empty.exit_code) == (2, 2)
    assert "there is no such folder" in missing.stderr
    assert ", ".join(BENCHMARK_SETS) in empty.stderr


def test_a_set_that_is_asked_for_has_to_be_there(desk: Desk, recordings: Path) -> None:
    (recordings / "smd" / "machine-1-1.npz").unlink()

    result = desk.call("benchmark", recordings, "--json", "out.json", "--sets", "smd")

    assert result.exit_code == 1
    assert "there is no series in smd/" in result.stderr


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(0, "1 s"), (89, "89 s"), (91, "2 min"), (3_600, "60 min"), (6_000, "1 h 40 min")],
)
def test_a_length_of_time_is_told_as_people_tell_it(seconds: float, said: str) -> None:
    assert tell_span(seconds) == said


def make_bench(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """Call ``make bench-detection`` as if all was installed."""
    installed = folder / "installed"
    installed.touch()
    command = ["make", "-C", str(ROOT), "bench-detection", f"INSTALLED={installed}", *words]
    clean = {"PATH": os.environ["PATH"]}  # without what another make may have left for this one
    return subprocess.run(command, capture_output=True, text=True, check=False, env=clean)


with_make = pytest.mark.skipif(not shutil.which("make"), reason="there is no make")


@with_make
@pytest.mark.parametrize("words", [(), ("DATA=nowhere",)])
def test_make_wants_to_know_where_recordings_are(tmp_path: Path, words: tuple[str, ...]) -> None:
    done = make_bench(tmp_path, *words)

    assert done.returncode == 2
    assert "say where the recordings are: make bench-detection DATA=DIR" in done.stderr
    assert "Error 2" in done.stderr


@with_make
def test_make_measures_the_recordings_that_it_is_told_of(tmp_path: Path) -> None:
    done = make_bench(tmp_path, f"DATA={tmp_path}", "--dry-run")

    assert done.returncode == 0, done.stderr
    command = f".venv/bin/tocsin benchmark '{tmp_path}' --json bench/detection.json"
    assert command in done.stdout.splitlines()
