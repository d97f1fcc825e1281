"""One run of one entrant on one series: what it is called, what it depends on, what came of it."""

import hashlib
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields
from functools import cache
from importlib.metadata import version
from itertools import product
from pathlib import Path
from typing import Any

import msgspec

import tocsin
import tocsin_models
from tocsin.tools.backtest.columns import ReadTable
from tocsin.tools.backtest.entrants import make_entrants
from tocsin.tools.backtest.model import ReplayPolicy
from tocsin.tools.backtest.protocols import Worth, weigh
from tocsin.tools.backtest.sets import Source, find_sources, load_source
from tocsin_models.learning import Recipe

_LIBRARIES = ("numpy", "scikit-learn", "torch")
_JUDGING = ("core/**/*.py", "tools/train.py", "tools/backtest/*.py")  # what figures depend on


@dataclass(frozen=True, slots=True)
class Plan:
    """What is the same for all jobs.

    Attributes:
        read_table: opens a CSV file; must be a function that another process can import.
        recipe: how the default model is learned.
        replay: how series become windows, and windows alerts.
        clock: seconds that only rise.
    """

    read_table: ReadTable
    recipe: Recipe = field(default_factory=Recipe)
    replay: ReplayPolicy = field(default_factory=ReplayPolicy)
    clock: Callable[[], float] = time.monotonic

    def settings(self) -> dict[str, Any]:
        """Return everything that figures depend on beside series and seed, as plain values."""
        return {
            "recipe": msgspec.to_builtins(self.recipe),
            "replay": _plain(self.replay),
            "code": digest_code(),
            "versions": {name: version(name) for name in _LIBRARIES},
        }


@dataclass(frozen=True, slots=True)
class Job:
    """One entrant on one series with one seed; ``key`` is a digest of all that it depends on."""

    source: Source
    model: str
    seed: int
    key: str


@dataclass(frozen=True, slots=True)
class Result:
    """What came of a job: either what it was worth, or why it failed."""

    key: str
    set_name: str
    series: str
    group: str
    model: str
    seed: int
    worth: Worth | None
    failure: str
    rows: int
    fit_s: float
    judge_s: float
    took_s: float  # all of it: loading and measuring too


def make_jobs(
    folder: Path, sets: Sequence[str], models: Sequence[str], seeds: Sequence[int], plan: Plan
) -> Sequence[Job]:
    """Return all jobs, the first seed's first.

    Raises:
        ValueError: If a set is unknown or nothing of it is in the folder.
    """
    settings = msgspec.json.encode(plan.settings(), order="deterministic")
    sources = [source for name in sets for source in _demand_sources(folder, name)]
    contents = [_digest_files(source.paths) for source in sources]
    return [
        Job(source, model, seed, _digest(settings, content, source.name, model, str(seed)))
        for seed in seeds
        for (source, content), model in product(zip(sources, contents, strict=True), models)
    ]


def run_job(job: Job, plan: Plan) -> Result:
    """Load, learn, judge, measure; whatever goes wrong is told in the result."""
    began_s = plan.clock()
    try:
        entry = load_source(job.source, plan.read_table)
        outcome = make_entrants(plan.recipe, plan.replay)[job.model]().run(entry.series, job.seed)
        worth = weigh(entry, outcome)
    except Exception as error:  # noqa: BLE001 - one failure must not end hundreds of jobs
        return _failed(job, _reason(error), plan.clock() - began_s)
    return Result(
        key=job.key,
        set_name=job.source.set_name,
        series=job.source.name,
        group=entry.group,
        model=job.model,
        seed=job.seed,
        worth=worth,
        failure="",
        rows=len(entry.series.values),
        fit_s=outcome.fit_s,
        judge_s=outcome.judge_s,
        took_s=plan.clock() - began_s,
    )


@cache
def digest_code() -> str:
    """Return a digest of the code that learns, judges and measures."""
    rooms = [Path(module.__file__ or "").parent for module in (tocsin, tocsin_models)]
    paths = [*_files(rooms[0], _JUDGING), *_files(rooms[1], ["**/*.py"])]
    return _digest(*(path.read_bytes() for path in paths))


def _failed(job: Job, reason: str, took_s: float) -> Result:
    source = job.source
    where = (source.set_name, source.name, "", job.model, job.seed)
    return Result(job.key, *where, None, reason, rows=0, fit_s=0.0, judge_s=0.0, took_s=took_s)


def _reason(error: Exception) -> str:
    """Return what to tell of an error; that of a ValueError is meant for people."""
    said = str(error) or "no reason given"
    return said if isinstance(error, ValueError) else f"{type(error).__name__}: {said}"


def _demand_sources(folder: Path, set_name: str) -> Sequence[Source]:
    sources = find_sources(folder, set_name)
    if not sources:
        raise ValueError(f"{folder}: there is no series in {set_name}/")
    return sources


def _plain(policy: ReplayPolicy) -> Mapping[str, Any]:
    named = {each.name: getattr(policy, each.name) for each in fields(policy)}
    return {name: msgspec.to_builtins(v) for name, v in named.items() if not callable(v)}


def _files(room: Path, patterns: Sequence[str]) -> Iterator[Path]:
    for pattern in patterns:
        yield from sorted(room.glob(pattern))


def _digest_files(paths: Sequence[Path]) -> str:
    """Return a digest of files that are there; what is missing is the loader's to tell."""
    return _digest(*(path.read_bytes() for path in paths if path.exists()))


def _digest(*parts: str | bytes) -> str:
    found = hashlib.sha256()
    for part in parts:
        raw = part.encode() if isinstance(part, str) else part
        found.update(len(raw).to_bytes(8) + raw)
    return found.hexdigest()[:32]
