from importlib.metadata import version

from desk import Desk


def test_versions_are_told_to_programs(desk: Desk) -> None:
    found = desk.ask("version")
    assert found["tocsin"] == version("tocsin")
    assert set(found) == {"tocsin", "torch", "aiokafka", "numpy", "influxdb-client", "python"}


def test_versions_are_told_to_people(desk: Desk) -> None:
    assert desk.call("version").stdout.startswith(f"tocsin {version('tocsin')}\n")
