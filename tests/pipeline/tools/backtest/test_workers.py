import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

import odd_jobs
from tocsin.tools.backtest.workers import run_each

PROGRAM = """
import signal

import odd_jobs
from tocsin.tools.backtest.workers import run_each

if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.default_int_handler)  # what began us may ignore it
    list(run_each(odd_jobs.never_end, [1, 2], 1, odd_jobs.nothing))
"""


def test_all_work_is_done_in_whatever_order() -> None:
    found = run_each(odd_jobs.twice, range(20), 2, odd_jobs.nothing)

    assert sorted(found) == list(range(0, 40, 2))


def test_without_work_nothing_is_begun() -> None:
    assert list(run_each(odd_jobs.be_killed, [], 2, odd_jobs.nothing)) == []


def test_a_worker_has_one_thread_and_leaves_ours_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "7")
    monkeypatch.delenv("OPENBLAS_NUM_THREADS", raising=False)
    names = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS")

    assert list(run_each(odd_jobs.tell_threads, names, 1, odd_jobs.nothing)) == ["1", "1"]

    assert os.environ["OMP_NUM_THREADS"] == "7"
    assert "OPENBLAS_NUM_THREADS" not in os.environ


def test_a_worker_that_was_killed_ends_the_work_with_advice() -> None:
    with pytest.raises(RuntimeError, match="fewer --jobs"):
        list(run_each(odd_jobs.be_killed, [1, 2, 3], 1, odd_jobs.nothing))


def test_interrupts_that_we_ignore_are_ignored_by_workers_too() -> None:
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        found = list(run_each(odd_jobs.be_interrupted, [3], 1, odd_jobs.nothing))
    finally:
        signal.signal(signal.SIGINT, before)

    assert found == [3]


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT, signal.SIGTERM])
def test_a_worker_ends_with_its_parent_whatever_it_is_at(
    tmp_path: Path, number: signal.Signals
) -> None:
    program = tmp_path / "program.py"
    program.write_text(PROGRAM)
    environ = os.environ | {"PYTHONPATH": str(Path(odd_jobs.__file__).parent)}
    with subprocess.Popen(
        [sys.executable, str(program)],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        env=environ,
    ) as parent:
        try:
            assert parent.stdout is not None
            assert parent.stdout.readline() == "at work\n"
            parent.send_signal(number)
            # the worker holds the pipe open as well: this waits for both of them
            assert parent.stdout.read() == ""
        finally:
            parent.kill()  # leaving the block waits for it, beyond the test's time limit
