"""What Grafana is given at its start fits what the compose file mounts and says."""

from pathlib import Path
from typing import Any

import yaml

from grafana import boards

HOUSE = Path(__file__).parents[2]
PROVISIONING = HOUSE / "dashboards" / "provisioning"


def read(path: Path) -> Any:
    return yaml.safe_load(path.read_text())


def data_source() -> Any:
    (source,) = read(PROVISIONING / "datasources" / "tocsin.yaml")["datasources"]
    return source


def provider() -> Any:
    (found,) = read(PROVISIONING / "dashboards" / "tocsin.yaml")["providers"]
    return found


def grafana_service() -> Any:
    return read(HOUSE / "docker" / "compose.yaml")["services"]["grafana"]


def test_the_data_source_asks_in_influxql_with_the_token_from_a_file() -> None:
    source = data_source()
    assert (source["type"], source["access"]) == ("influxdb", "proxy")
    assert source["jsonData"]["version"] == "InfluxQL"
    assert source["jsonData"]["httpMode"] == "POST"
    assert source["jsonData"]["httpHeaderName1"] == "Authorization"
    token = source["secureJsonData"]["httpHeaderValue1"]
    assert token.startswith("Token $__file{/run/secrets/")


def test_the_database_stands_at_both_places() -> None:
    source = data_source()
    assert source["database"] == source["jsonData"]["dbName"] == "${INFLUX_BUCKET}"


def test_what_is_taken_from_the_environment_is_there() -> None:
    environment = grafana_service()["environment"]
    assert {"INFLUX_URL", "INFLUX_BUCKET"} <= set(environment)
    assert data_source()["url"] == "${INFLUX_URL}"


def test_the_folders_are_mounted_where_they_are_looked_for() -> None:
    mounts = dict(volume.split(":")[:2] for volume in grafana_service()["volumes"])
    assert mounts["../dashboards/provisioning"] == "/etc/grafana/provisioning"
    assert mounts["../dashboards/json"] == provider()["options"]["path"]
    assert "/run/secrets" in mounts.values()


def test_dashboards_are_kept_as_they_are_in_one_folder() -> None:
    assert (provider()["type"], provider()["folder"]) == ("file", "Tocsin")
    assert provider()["allowUiUpdates"] is False


def test_the_paper_names_every_dashboard() -> None:
    paper = (HOUSE / "docs" / "dashboards.md").read_text()
    for board in boards().values():
        assert f"| *{board['title'].removeprefix('Tocsin / ')}* |" in paper
    assert "/d/tocsin-asset" in paper
