"""The second stage of a partition's detector: windows -> scores and alerts."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from tocsin.core.blocks import ScoreBlock, take_scores
from tocsin.core.checkpoint import Checkpoint, Note, Resume, Snapshot
from tocsin.core.incidents import Incidents
from tocsin.core.intake import Gathered, Heard, Mark, Share
from tocsin.core.profile import Profile
from tocsin.core.records import Ids, Names, Reject, Scores, Status, Times, Transition
from tocsin.core.scoring import score, window_number
from tocsin.core.smoothing import ErrorRings
from tocsin_models.bundle import Bundle


@dataclass(frozen=True, slots=True)
class Output:
    """What a stretch ``low <= offset < high`` of a partition caused."""

    low: int
    high: int
    scores: Sequence[Scores]  # one per profile that has any
    transitions: Sequence[Transition]
    rejects: Sequence[Reject]
    checkpoint: Checkpoint | None


class Judgement:
    """Error rings, alert machines and the models in use, of one partition."""

    def __init__(self, profiles: Sequence[Profile], names: Names, config: str) -> None:
        self._profiles = profiles
        self._names = names
        self._config = config
        self._rings = [ErrorRings() for _ in profiles]
        self._incidents = [Incidents(profile, names) for profile in profiles]
        self._judged_to: dict[int, int] = {}  # asset -> offset below which its machine is complete
        self._ringed_to: dict[int, int] = {}  # asset -> offset below which its ring is complete
        self._scores_end = 0
        self._models: Mapping[str, Bundle] = {}

    def resume(self, resume: Resume) -> None:
        """Take over models, alert machines, and the rings of lanes that are not replayed."""
        self._models = resume.models
        self._scores_end = resume.scores_end
        for snapshot in resume.snapshots:
            asset = self._names.intern(snapshot.asset)
            owner = next((n for n, p in enumerate(self._profiles) if p.owns(snapshot.asset)), None)
            if owner is None:
                continue
            if snapshot.kind == "lane":
                self._rings[owner].adopt(asset, snapshot.state["ring"])
                self._ringed_to[asset] = snapshot.as_of
            else:
                self._incidents[owner].adopt(asset, dict(snapshot.state))
                self._judged_to[asset] = snapshot.as_of

    def recall(self, block: ScoreBlock, resumed_at: int, floor: int) -> None:
        """Put scores that were written before the checkpoint back into the rings.

        Args:
            block: what stands in ``scores``.
            resumed_at: the committed offset; what came of later input will be scored anew.
            floor: where in ``scores`` the block stands.
        """
        scores = block.scores
        for profile, rings in zip(self._profiles, self._rings, strict=True):
            if profile.name != scores.profile or profile.channels != scores.channels:
                continue
            ids = np.array([self._names.intern(name) for name in scores.names], np.int32)
            until = np.array([max(resumed_at, self._ringed_to.get(i, 0)) for i in ids.tolist()])
            known = (scores.status == Status.OK) & (block.high <= until[scores.asset])
            number = window_number(scores.end_ns[known], profile)
            rings.recall(ids[scores.asset[known]], number, scores.error[known], floor)

    def hark(self, heard: Sequence[Heard]) -> None:
        """Tell the alert machines when every asset was last heard, without judging it."""
        for incidents, one in zip(self._incidents, heard, strict=True):
            incidents.recall(one.asset, one.arrived_ns, one.time_ns)

    def judge(self, gathered: Gathered, champions: Mapping[str, Bundle]) -> Output:
        """Score what was gathered and let the alert machines see it.

        Args:
            gathered: the next stretch; it must follow the last one.
            champions: profile -> what is to score from a checkpoint on.
        """
        scores, transitions = [], []
        for number, share in enumerate(gathered.shares):
            judged, steps = self._share(number, share, gathered)
            transitions += steps
            if len(judged):
                scores.append(judged)
        transitions.sort(key=lambda step: (step.at_ns, step.asset, step.rule, step.sequence))
        checkpoint = None
        if gathered.mark:
            checkpoint = self._checkpoint(gathered.high, gathered.mark, champions)
        return Output(
            gathered.low, gathered.high, scores, transitions, gathered.rejects, checkpoint
        )

    def settle(self, checkpoint: Checkpoint, scores_end: int) -> bool:
        """Go on from a committed checkpoint, and return whether another model scores now."""
        before = {profile: bundle.version for profile, bundle in self._models.items()}
        self._models = checkpoint.models
        self._scores_end = scores_end
        return before != dict(checkpoint.note.models)

    def version(self, profile: str) -> str:
        """Return what scores a profile now; empty if nothing does."""
        bundle = self._models.get(profile)
        return bundle.version if bundle else ""

    def open_alerts(self) -> list[Transition]:
        """Return the latest step of every open alert."""
        return [step for incidents in self._incidents for step in incidents.open_alerts()]

    def _share(
        self, number: int, share: Share, gathered: Gathered
    ) -> tuple[Scores, list[Transition]]:
        profile, incidents = self._profiles[number], self._incidents[number]
        scores = score(
            share.windows,
            profile,
            self._names.table,
            self._models.get(profile.name),
            self._rings[number],
            self._scores_end,
        )
        self._judged_to = {a: to for a, to in self._judged_to.items() if to > gathered.low}
        heard, fresh = share.heard, scores
        if self._judged_to:
            fresh = take_scores(scores, self._unjudged(scores.asset, gathered.low))
            spoke = self._unjudged(heard.asset, gathered.low)
            heard = Heard(heard.asset[spoke], heard.arrived_ns[spoke], heard.time_ns[spoke])
        steps = incidents.hear(heard.asset, heard.arrived_ns, heard.time_ns)
        steps += incidents.judge(fresh)
        steps += incidents.listen(gathered.now_ns)
        return scores, steps

    def _unjudged(self, asset: Ids, low: int) -> Times:
        judged = [a for a, to in self._judged_to.items() if to > low]
        return np.flatnonzero(~np.isin(asset, judged))

    def _checkpoint(self, offset: int, mark: Mark, champions: Mapping[str, Bundle]) -> Checkpoint:
        snapshots = [
            self._snapshot(
                "lane",
                asset,
                offset,
                {"lane": lane, "ring": self._rings[number].snapshot(asset)},
            )
            for number, asset, lane in mark.lanes
        ]
        for incidents in self._incidents:
            for asset in incidents.changed():
                state = incidents.snapshot(asset)
                snapshots.append(self._snapshot("machine", asset, offset, state))
        note = Note(
            mark.replay_from,
            min(rings.oldest_floor(self._scores_end) for rings in self._rings),
            {profile: bundle.version for profile, bundle in champions.items()},
            self._config,
            mark.tally,
        )
        return Checkpoint(offset, note, snapshots, dict(champions))

    def _snapshot(self, kind: str, asset: int, offset: int, state: Mapping[str, Any]) -> Snapshot:
        return Snapshot(kind, self._names.table[asset], offset, self._config, state)
