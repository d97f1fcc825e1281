"""What the doctor says."""

from dataclasses import dataclass

from tocsin.core.profile import Profile


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at."""

    what: str
    well: bool
    found: str
    remedy: str = ""


def missing_model(profile: Profile) -> Finding:
    """Return that nothing has been learned yet."""
    remedy = "let tocsin retrain run, or tocsin train a CSV file"
    return Finding(f"model of {profile.name}", well=False, found="none yet", remedy=remedy)
