"""The tutorial, followed to the letter: every command as it stands there, on real servers.

Only where the servers are differs, and is said in the environment, which wins over files.
"""

import json
import os
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest

import tutorial
from desk import CHANNEL_NAMES, Desk
from servers.servers import InfluxServer, KafkaServer, free_ports, listens
from tutorial import Reader

HOUSE = Path(__file__).parents[2]
PAPER = HOUSE / "docs" / "getting-started.md"
RECEIVER_PORT = 9000  # as it stands in the paper

pytestmark = pytest.mark.integration


def environment(port: int) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("TOCSIN_")}
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    return kept | {"PATH": path, "TOCSIN_PAGE__PORT": str(port), "CI": "1"}


@pytest.fixture
def reader(tmp_path: Path, kafka_server: KafkaServer, own_influx: InfluxServer) -> Iterator[Reader]:
    if listens(RECEIVER_PORT):
        pytest.skip(f"something listens on port {RECEIVER_PORT}, where the paper's receiver does")

    def point_to_kafka(reader: Reader) -> None:
        reader.environment["TOCSIN_KAFKA__BOOTSTRAP_SERVERS"] = kafka_server.bootstrap

    def point_to_influx(reader: Reader) -> None:
        reader.environment |= {
            "TOCSIN_INFLUX__URL": own_influx.url,
            "TOCSIN_INFLUX__ORG": own_influx.org,
            "TOCSIN_INFLUX__BUCKET": own_influx.bucket,
        }
        (reader.folder / "influx-token.txt").write_text(own_influx.token)

    def record_normal_times(reader: Reader) -> None:
        Desk(reader.folder).table(12_000, "normal.csv")

    hints = {
        "kafka": point_to_kafka,
        "influx": point_to_influx,
        "normal.csv": record_normal_times,
    }
    (port,) = free_ports(1)
    with tutorial.reading(Reader(tmp_path, HOUSE, environment(port), hints)) as found:
        save_receiver(tmp_path)
        yield found


def save_receiver(folder: Path) -> None:
    text = (HOUSE / "docs" / "webhooks.md").read_text()
    code = text.split("<!-- receiver begins -->")[1].split("<!-- receiver ends -->")[0]
    (folder / "receiver.py").write_text(code.strip().split("\n", 1)[1].removesuffix("```"))


@pytest.mark.timeout(600)
def test_the_tutorial_works_as_it_stands(reader: Reader, own_influx: InfluxServer) -> None:
    for block in tutorial.blocks(PAPER):
        reader.follow(block)
    page = f"http://127.0.0.1:{reader.environment['TOCSIN_PAGE__PORT']}/healthz"
    with urllib.request.urlopen(page, timeout=5) as answer:
        assert answer.status == 200
    command = ["tocsin", "models", "list", "--json"]
    found = subprocess.run(
        command, cwd=reader.folder, env=reader.environment, capture_output=True, check=True
    )
    models = json.loads(found.stdout)["models"]
    assert [model["standing"] for model in models].count("champion") == 1
    pumps = {"pump-1", "pump-2", "pump-3", "pump-4"}
    deadline_s = time.monotonic() + 60
    while assets_in(own_influx) != pumps:
        assert time.monotonic() < deadline_s, "scores did not come to InfluxDB"
        time.sleep(0.2)


def assets_in(server: InfluxServer) -> set[str]:
    query = quote('SHOW TAG VALUES FROM "tocsin_score" WITH KEY = "asset"')
    said = server.request("GET", f"/query?db={server.bucket}&q={query}")
    series = said["results"][0].get("series", [])
    return {value for each in series for _, value in each["values"]}


def test_the_plant_has_the_channels_of_the_tutorial() -> None:
    assert all(f'"{name}"' in PAPER.read_text() for name in CHANNEL_NAMES)
