"""Fixtures: where the log of an installation is, for tests that hold for every log."""

import pytest


@pytest.fixture(params=["kafka", "embedded"])
def log_table(request: pytest.FixtureRequest) -> dict[str, object]:
    """Return the settings' table that says which log it is.

    A member that was killed keeps its partitions until the session is over. The tests' broker
    allows short ones; a starting process has 3 s of importing before it needs the partitions.
    """
    if request.param == "embedded":
        return {"session_timeout": "2s"}
    bootstrap: str = request.getfixturevalue("kafka_server").bootstrap
    return {"bootstrap_servers": bootstrap, "session_timeout": "3s"}
