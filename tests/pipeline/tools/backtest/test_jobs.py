from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import msgspec
import numpy as np
import pytest

from recordings import read_csv, write_sets
from tocsin.core.formats.table import Chunk
from tocsin.tools.backtest.jobs import Job, Plan, make_jobs, run_job
from tocsin.tools.backtest.journal import append_result, read_journal
from tocsin.tools.backtest.model import ReplayPolicy
from tocsin_models.learning import Recipe

PLAN = Plan(read_csv)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write_sets(tmp_path / "recordings")


def only_job(folder: Path, plan: Plan = PLAN, set_name: str = "smd", seed: int = 0) -> Job:
    (job,) = make_jobs(folder, [set_name], ["t2-ewma"], [seed], plan)
    return job


def test_there_is_a_job_for_every_series_model_and_seed_the_first_seed_first(folder: Path) -> None:
    jobs = make_jobs(folder, ["skab", "smd"], ["default", "always"], [0, 1], PLAN)

    assert len(jobs) == len({job.key for job in jobs}) == 3 * 2 * 2
    assert [job.seed for job in jobs] == [0] * 6 + [1] * 6
    assert [(job.source.name, job.model) for job in jobs[:4]] == [
        ("valve1/0", "default"),
        ("valve1/0", "always"),
        ("valve1/1", "default"),
        ("valve1/1", "always"),
    ]


def test_a_set_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="there is no series in smd/"):
        make_jobs(tmp_path, ["smd"], ["always"], [0], PLAN)


def test_a_key_does_not_depend_on_where_the_files_are(folder: Path, tmp_path: Path) -> None:
    elsewhere = write_sets(tmp_path / "elsewhere")

    assert only_job(folder).key == only_job(elsewhere).key


@pytest.mark.parametrize(
    "other",
    [
        replace(PLAN, recipe=Recipe(later=0.2)),
        replace(PLAN, replay=ReplayPolicy(length=32)),
    ],
    ids=["recipe", "replay"],
)
def test_a_setting_makes_another_key(folder: Path, other: Plan) -> None:
    assert only_job(folder).key != only_job(folder, other).key


def test_what_is_measured_makes_another_key(folder: Path) -> None:
    before = {name: only_job(folder, set_name=name).key for name in ("smd", "nab")}
    np.savez(folder / "smd" / "machine-1-1.npz", train=np.ones((9, 1)), test=np.ones((9, 1)))
    (folder / "nab" / "windows.json").write_text("{}")

    after = {name: only_job(folder, set_name=name).key for name in ("smd", "nab")}
    assert not set(before.values()) & set(after.values())
    assert only_job(folder).key != only_job(folder, seed=1).key


def test_settings_say_what_figures_depend_on_in_plain_values() -> None:
    settings = PLAN.settings()

    assert settings["recipe"]["network"]["form"] == "lstm"
    assert settings["replay"]["alerts"]["open_count"] == 3
    assert set(settings["versions"]) == {"numpy", "scikit-learn", "torch"}
    assert len(settings["code"]) == 32


def test_a_job_tells_what_its_series_is_worth_and_how_long_it_took(folder: Path) -> None:
    ticks = iter(range(100))
    plan = replace(PLAN, clock=lambda: float(next(ticks)))

    found = run_job(only_job(folder), plan)

    assert found.failure == ""
    assert found.worth is not None
    assert found.worth.measures["auc_pr"] == pytest.approx(1, abs=0.1)
    assert (found.set_name, found.series, found.model) == ("smd", "machine-1-1", "t2-ewma")
    assert (found.rows, found.took_s) == (600, 1)


def gone(_path: Path, _column: str) -> Iterator[Chunk]:
    raise RuntimeError("the disk is gone")


def test_whatever_goes_wrong_is_told_with_its_reason(folder: Path) -> None:
    np.savez(folder / "smd" / "machine-1-1.npz", y=np.ones(3))
    few = np.ones((40, 1))
    np.savez(folder / "asd" / "omi-1.npz", train=few, test=few, label=np.zeros(40))
    (small,) = make_jobs(folder, ["asd"], ["default"], [0], PLAN)

    for found, said in (
        (run_job(only_job(folder), PLAN), "machine-1-1.npz: there is no array 'train' in it"),
        (run_job(small, PLAN), "omi-1: "),
        (
            run_job(only_job(folder, set_name="nab"), replace(PLAN, read_table=gone)),
            "RuntimeError: the disk is gone",
        ),
    ):
        assert found.worth is None
        assert said in found.failure


def test_a_result_comes_back_from_the_journal_as_it_was(folder: Path, tmp_path: Path) -> None:
    journal = tmp_path / "journal.jsonl"
    np.savez(folder / "smd" / "machine-1-1.npz", y=np.ones(3))
    jobs = make_jobs(folder, ["skab", "smd", "tep"], ["t2-ewma"], [0], PLAN)
    found = [run_job(job, PLAN) for job in jobs]
    assert {result.failure == "" for result in found} == {True, False}

    for result in found:
        append_result(journal, result)

    again = read_journal(journal)
    assert list(again) == [result.key for result in found]
    assert msgspec.json.encode(list(again.values())) == msgspec.json.encode(found)


def test_a_journal_goes_on_behind_a_line_that_was_torn(folder: Path, tmp_path: Path) -> None:
    journal = tmp_path / "journal.jsonl"
    first, second = (run_job(only_job(folder, seed=seed), PLAN) for seed in (0, 1))
    append_result(journal, first)
    append_result(journal, second)
    journal.write_bytes(journal.read_bytes()[:-40])
    assert list(read_journal(journal)) == [first.key]

    append_result(journal, second)

    assert list(read_journal(journal)) == [first.key, second.key]


def test_there_is_nothing_in_a_journal_that_is_not_there(tmp_path: Path) -> None:
    assert read_journal(tmp_path / "journal.jsonl") == {}
