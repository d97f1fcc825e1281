from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from recordings import read_csv, tell_threads, write_sets
from tocsin.tools.backtest.benchmark import Standing, estimate_s, run_jobs
from tocsin.tools.backtest.jobs import Job, Plan, Result, make_jobs, run_job
from tocsin.tools.backtest.journal import append_result, read_journal

PLAN = Plan(read_csv)
MODELS = ("always", "t2-ewma")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write_sets(tmp_path / "recordings")


def skab_jobs(folder: Path, plan: Plan = PLAN, seeds: Sequence[int] = (0,)) -> Sequence[Job]:
    return make_jobs(folder, ["skab"], MODELS, seeds, plan)


def test_a_benchmark_goes_on_where_it_was_stopped(folder: Path, tmp_path: Path) -> None:
    journal, jobs, heard = tmp_path / "journal.jsonl", skab_jobs(folder), list[Standing]()
    known = [replace(run_job(job, PLAN), took_s=60.0) for job in jobs]
    known[1] = replace(known[1], worth=None, failure="no space left")
    for result in known:
        append_result(journal, result)
    journal.write_bytes(journal.read_bytes()[:-50])  # killed as it wrote the last of four
    bad = make_jobs(folder, ["smd"], ["always"], [0], PLAN)
    np.savez(folder / "smd" / "machine-1-1.npz", y=np.ones(3))

    plan = replace(PLAN, read_table=tell_threads)

    found = run_jobs([*jobs, *bad], plan, journal, 1, heard.append)

    assert [each.key for each in found] == [job.key for job in [*jobs, *bad]]
    assert [each.took_s == 60 for each in found] == [True, False, True, False, False]
    assert "machine-1-1.npz" in found[-1].failure
    assert [each.failure for each in found[:-1]] == [""] * 4
    assert [(now.done, now.total, now.last is None) for now in heard] == [
        (2, 5, True),
        (3, 5, False),
        (4, 5, False),
        (5, 5, False),
    ]
    assert heard[0].left_s == 60 * 3
    assert set(read_journal(journal)) == {each.key for each in found}
    assert (folder / "skab" / "valve1" / "1.threads").read_text() == "1"


def test_what_is_known_is_not_run_again(folder: Path, tmp_path: Path) -> None:
    journal, jobs = tmp_path / "journal.jsonl", skab_jobs(folder)
    for job in jobs:
        append_result(journal, replace(run_job(job, PLAN), took_s=12.5))
    before = journal.read_bytes()

    found = run_jobs(jobs, PLAN, journal, workers=1)

    assert [each.took_s for each in found] == [12.5] * len(jobs)
    assert journal.read_bytes() == before


def result(set_name: str, model: str, took_s: float) -> Result:
    return Result("", set_name, "a", "", model, 0, None, "", 0, 0, 0, took_s)


def test_an_estimate_takes_a_job_for_what_is_most_like_it(folder: Path) -> None:
    done = [result("smd", "lstm", 40), result("smd", "lstm", 60), result("nab", "lstm", 2)]
    done.append(result("nab", "always", 1))
    (smd,) = make_jobs(folder, ["smd"], ["lstm"], [0], PLAN)

    def left_s(set_name: str, model: str, workers: int = 1) -> float | None:
        source = replace(smd.source, set_name=set_name)
        return estimate_s(done, [replace(smd, source=source, model=model)], workers)

    assert left_s("smd", "lstm") == 50
    assert left_s("asd", "lstm") == 34
    assert left_s("asd", "conv") == 25.75
    assert left_s("smd", "lstm", workers=2) == 25
    assert estimate_s([], [smd], 1) is None
    assert estimate_s(done, [], 1) == 0
