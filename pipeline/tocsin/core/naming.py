"""What an alert is called: the same name whenever and wherever it is found."""

import hashlib

from tocsin.core.records import Rule


def alert_id(profile: str, asset: str, rule: Rule, began_ns: int) -> str:
    """Return 32 hex digits; ``began_ns`` must differ between all alerts of an asset and rule."""
    return hashlib.sha256(f"{profile}|{asset}|{rule}|{began_ns}".encode()).hexdigest()[:32]
