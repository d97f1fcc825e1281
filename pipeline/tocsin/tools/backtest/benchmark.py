"""Runs the jobs of a benchmark in several processes, and goes on where it was stopped."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import fmean

from tocsin.tools.backtest.jobs import Job, Plan, Result, run_job
from tocsin.tools.backtest.journal import append_result, read_journal
from tocsin.tools.backtest.workers import run_each
from tocsin_models.inference import settle_threads


@dataclass(frozen=True, slots=True)
class Standing:
    """How far a benchmark has come."""

    done: int
    total: int
    left_s: float | None  # an estimate; None as long as nothing was measured
    last: Result | None  # None: nothing has been run yet


def run_jobs(
    jobs: Sequence[Job],
    plan: Plan,
    journal: Path,
    workers: int,
    tell: Callable[[Standing], None] = lambda _: None,
) -> Sequence[Result]:
    """Return the results of all jobs, in their order.

    What stands in the journal is not run again, unless it had failed. Every worker is a process
    with one thread.

    Raises:
        RuntimeError: If a worker was killed; what was found until then stands in the journal.
    """
    known = read_journal(journal)
    found = {job.key: known[job.key] for job in jobs if _is_done(known, job)}
    left = {job.key: job for job in jobs if job.key not in found}
    tell(Standing(len(found), len(jobs), estimate_s(found.values(), left.values(), workers), None))
    work = partial(run_job, plan=plan)
    for result in run_each(work, list(left.values()), workers, settle_threads):
        append_result(journal, result)
        found[result.key] = result
        del left[result.key]
        left_s = estimate_s(found.values(), left.values(), workers)
        tell(Standing(len(found), len(jobs), left_s, result))
    return [found[job.key] for job in jobs]


def estimate_s(done: Iterable[Result], left: Iterable[Job], workers: int) -> float | None:
    """Return how long the jobs that are left will take; None if nothing was done yet.

    A job is taken to last as long as the same model did on the same set, else on any set, else
    as any job did.
    """
    took: defaultdict[tuple[str, ...], list[float]] = defaultdict(list)
    for result in done:
        for kind in ((result.set_name, result.model), (result.model,), ()):
            took[kind].append(result.took_s)
    means = {kind: fmean(times) for kind, times in took.items()}
    if not means:
        return None
    total = sum(
        means.get((job.source.set_name, job.model), means.get((job.model,), means[()]))
        for job in left
    )
    return total / workers


def _is_done(known: Mapping[str, Result], job: Job) -> bool:
    return job.key in known and known[job.key].worth is not None
