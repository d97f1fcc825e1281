"""The detector's whole logic: one engine a process, one `Partition` for each that it owns.

A partition is a function of its log: the same entries give the same bytes, in whatever batches
they come, and however often a process was stopped between them. `gather` and `judge` may run in
two threads; `settle` belongs to `judge`, and everything else to `gather`.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from tocsin.core.blocks import ScoreBlock
from tocsin.core.checkpoint import Checkpoint, Resume
from tocsin.core.formats.json import Decoded, JsonDecoder, JsonPolicy
from tocsin.core.intake import Gathered, Intake, take_readings
from tocsin.core.judgement import Judgement, Output
from tocsin.core.profile import Profile
from tocsin.core.records import Batch, Ids, Names, Transition
from tocsin.core.scoring import fits
from tocsin_models.bundle import Bundle


@dataclass(frozen=True, slots=True)
class EnginePolicy:
    """How input is read, and how many entries of a partition a restore may reread."""

    json: JsonPolicy = JsonPolicy()
    replay_budget: int = 200_000


class Engine:
    """What all partitions of a process share: profiles, names, the decoder, the champions."""

    def __init__(self, profiles: Sequence[Profile], policy: EnginePolicy | None = None) -> None:
        self.profiles = tuple(profiles)
        self.policy = policy or EnginePolicy()
        self.config = digest(self.profiles)
        self.names = Names()
        self.champions: dict[str, Bundle] = {}
        channels = tuple(dict.fromkeys(c for profile in profiles for c in profile.channels))
        self.columns = [_columns(channels, profile) for profile in self.profiles]
        self.decoder = JsonDecoder(channels, self.names, self.policy.json)

    def install(self, profile: str, bundle: Bundle) -> None:
        """Let ``bundle`` score from every partition's next checkpoint on.

        Raises:
            ValueError: if it cannot score this profile's windows; the message says why.
        """
        wanted = next(p for p in self.profiles if p.name == profile)
        reason = fits(bundle, wanted)
        if reason:
            raise ValueError(f"model {bundle.version} cannot score here: {reason}")
        self.champions[profile] = bundle

    def open(self, resume: Resume) -> "Partition":
        """Take over a partition; its entries up to ``resume.offset`` are then to be replayed.

        Snapshots that were made under other profiles are left aside.
        """
        own = [s for s in resume.snapshots if s.config == self.config]
        return Partition(self, replace(resume, snapshots=own))


class Partition:
    """The detector of one partition, from the moment it is taken over until it is let go."""

    def __init__(self, engine: Engine, resume: Resume) -> None:
        self._engine = engine
        self._resumed_at = resume.offset
        self._intake = Intake(engine.profiles, engine.columns, engine.names)
        self._judgement = Judgement(engine.profiles, engine.names, engine.config)
        self._intake.resume(resume)
        self._judgement.resume(resume)

    def replay(self, batch: Batch) -> None:
        """Rebuild lanes from entries that were judged before, without judging them again."""
        self._intake.replay(self._engine.decoder.decode(batch).readings, batch.low)

    def recall(self, block: ScoreBlock, floor: int) -> None:
        """Rebuild error rings from a block that stands at ``floor`` in ``scores``."""
        self._judgement.recall(block, self._resumed_at, floor)

    def restored(self) -> None:
        """Tell the alert machines what the replay heard; from here on all is judged."""
        self._judgement.hark(self._intake.heard())

    def gather(self, batch: Batch, *, mark: bool = False) -> list[Gathered]:
        """Decode a batch and cut it into windows; ``mark`` ends it with a checkpoint.

        A batch without entries is how a checkpoint is made while nothing comes in.
        """
        parts = self.gather_decoded(self._engine.decoder.decode(batch), batch.low, batch.high)
        if mark:
            taken = self._intake.mark(batch.high, batch.high - self._engine.policy.replay_budget)
            parts[-1] = replace(parts[-1], mark=taken)
        return parts

    def gather_decoded(self, decoded: Decoded, low: int, high: int) -> list[Gathered]:
        """Cut what stood in the entries ``low <= offset < high`` into windows.

        Assets and channels in ``decoded`` are numbered as the engine's decoder numbers them.
        """
        edges = [cut for cut in self._intake.cuts() if low < cut < high]
        parts = []
        for begin, end in zip([low, *edges], [*edges, high], strict=True):
            inside = decoded if not edges else _between(decoded, begin, end)
            parts.append(self._intake.gather(inside.readings, inside.rejects, begin, end))
        return parts

    def tick(self, offset: int, quiet_ns: int) -> Gathered:
        """Return an empty stretch in which the log's own time goes on by ``quiet_ns``.

        This is how a partition is found silent in which nothing is written any more. What it
        causes is named and dated by the log alone.
        """
        return self._intake.tick(offset, quiet_ns)

    def judge(self, gathered: Gathered) -> Output:
        """Score what was gathered and let the alert machines see it."""
        return self._judgement.judge(gathered, dict(self._engine.champions))

    def settle(self, checkpoint: Checkpoint, scores_end: int) -> bool:
        """Go on from a checkpoint that was committed, and return whether another model scores.

        ``scores_end`` is the next offset in ``scores``.
        """
        return self._judgement.settle(checkpoint, scores_end)

    def outdated(self) -> bool:
        """Whether a checkpoint would change what scores."""
        return any(
            self._judgement.version(name) != new.version
            for name, new in self._engine.champions.items()
        )

    def open_alerts(self) -> list[Transition]:
        """Return the latest step of every open alert."""
        return self._judgement.open_alerts()


def digest(profiles: Sequence[Profile]) -> str:
    """Return 16 hex digits that change whenever the meaning of windows or alerts does."""
    return hashlib.sha256(repr(tuple(profiles)).encode()).hexdigest()[:16]


def _columns(channels: Sequence[str], profile: Profile) -> Ids:
    place = {name: column for column, name in enumerate(profile.channels)}
    return np.array([place.get(name, -1) for name in channels], np.int32)


def _between(decoded: Decoded, low: int, high: int) -> Decoded:
    record = decoded.readings.record
    inside = take_readings(decoded.readings, (low <= record) & (record < high))
    rejects = [reject for reject in decoded.rejects if low <= reject.offset < high]
    return replace(decoded, readings=inside, rejects=rejects)
