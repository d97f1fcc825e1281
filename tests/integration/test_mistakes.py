"""Ten mistakes that people make in settings, made here with the real program and real servers.

Each has to be told in one line that names the setting and says what to do.
"""

import json
import os
import socket
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from programs import TOCSIN
from servers.servers import InfluxServer, KafkaServer, free_ports

pytestmark = pytest.mark.integration

KEPT = "canary-in-the-settings"
PROFILE = '[[profiles]]\nname = "pump"\nchannels = ["flow", "pressure"]\n'
SAID_IN_A_LINE = 240


class Plant:
    """A folder with settings, and the program called there as a person calls it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        own = {name: text for name, text in os.environ.items() if not name.startswith("TOCSIN_")}
        self.environment = own | {"TOCSIN_PAGE__PORT": str(free_ports(1)[0])}

    def write(self, text: str) -> None:
        (self.folder / "tocsin.toml").write_text(text)

    def call(self, *words: str) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            [str(TOCSIN), *words],
            cwd=self.folder,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=50,
            check=False,
        )
        assert "Traceback" not in done.stderr
        assert KEPT not in done.stdout + done.stderr
        return done

    def refusal(self, *words: str, code: int) -> str:
        """Return the one line in which a command says why it does not begin."""
        done = self.call(*words)
        assert (done.returncode, done.stdout) == (code, ""), done.stderr
        (line,) = done.stderr.splitlines()
        assert line.startswith("tocsin: ")
        assert len(line) < SAID_IN_A_LINE
        return line.removeprefix("tocsin: ")

    def complaint(self, what: str) -> Mapping[str, Any]:
        """Return what the doctor finds wrong with one thing."""
        done = self.call("doctor", "--json")
        assert done.returncode == 3, done.stderr
        found = {each["what"]: each for each in json.loads(done.stdout)["findings"]}
        told: dict[str, Any] = found[what]
        assert not told["well"]
        assert told["remedy"]
        assert "\n" not in told["found"] + told["remedy"]
        assert len(told["found"]) < SAID_IN_A_LINE
        return told


@pytest.fixture
def plant(tmp_path: Path) -> Plant:
    return Plant(tmp_path)


@pytest.fixture
def with_influx(plant: Plant, influx_server: InfluxServer) -> Plant:
    """A plant that writes to a real InfluxDB; what is wrong is said in variables."""
    plant.write(PROFILE)
    plant.environment |= {
        "TOCSIN_INFLUX__URL": influx_server.url,
        "TOCSIN_INFLUX__ORG": influx_server.org,
        "TOCSIN_INFLUX__BUCKET": influx_server.bucket,
        "TOCSIN_INFLUX__TOKEN": influx_server.token,
    }
    return plant


@pytest.mark.parametrize("command", ["check", "run"])
def test_a_typo_in_a_key(plant: Plant, command: str) -> None:
    plant.write(f"{PROFILE}strid = 4\n[influx]\ntoken = '{KEPT}'")
    meant = "there is no such setting; did you mean stride? (tocsin.toml:4)"
    assert plant.refusal(command, code=78) == f"profiles.pump.strid: {meant}"


@pytest.mark.parametrize("command", ["check", "detect"])
def test_a_value_of_the_wrong_type(plant: Plant, command: str) -> None:
    plant.write(f"{PROFILE}[influx]\ntoken = '{KEPT}'\ntimeout = 'a while'")
    advice = "write a duration like 30s, 5m, 1h30m or 250ms (tocsin.toml:6)"
    assert plant.refusal(command, code=78) == f"influx.timeout: {advice}"


@pytest.mark.parametrize("command", [("run",), ("sink",), ("topics", "create")])
def test_a_server_that_is_not_there(plant: Plant, command: tuple[str, ...]) -> None:
    (port,) = free_ports(1)
    plant.write(f"{PROFILE}[kafka]\nbootstrap_servers = '127.0.0.1:{port}'")
    said = plant.refusal(*command, code=69)
    assert said.startswith(f"Kafka at 127.0.0.1:{port}: ")
    assert said.endswith("; start it, or mend kafka.bootstrap_servers")


@pytest.mark.parametrize("command", ["detect", "notify"])
def test_a_topic_that_is_not_there(plant: Plant, kafka_server: KafkaServer, command: str) -> None:
    topics = "readings = 'nobodys'\nscores = 'no1'\nalerts = 'no2'\nstate = 'no3'\nmodels = 'no4'\n"
    more = "dead_letters = 'no5'\ndeliveries = 'no6'\noperations = 'no7'\n"
    kafka = f"[kafka]\nbootstrap_servers = '{kafka_server.bootstrap}'\n"
    plant.write(f"{PROFILE}{kafka}[topics]\n{topics}{more}")
    said = plant.refusal(command, code=78)
    assert said.startswith("no topics ")
    assert ("nobodys" in said) == (command == "detect")
    assert f"at {kafka_server.bootstrap}" in said
    assert said.endswith(": tocsin topics create")


def test_a_topic_that_is_not_there_as_the_doctor_sees_it(
    plant: Plant, kafka_server: KafkaServer
) -> None:
    kafka = f"[kafka]\nbootstrap_servers = '{kafka_server.bootstrap}'\n"
    plant.write(f"{PROFILE}{kafka}[topics]\nreadings = 'nobodys'")
    told = plant.complaint("topic nobodys")
    assert (told["found"], told["remedy"]) == ("missing", "tocsin topics create")


def test_a_wrong_token(with_influx: Plant, influx_server: InfluxServer) -> None:
    with_influx.environment["TOCSIN_INFLUX__TOKEN"] = KEPT
    told = with_influx.complaint("store")
    assert told["found"].startswith(f"InfluxDB at {influx_server.url} answered 401: unauthorized")
    assert "look at influx.token and influx.token_file" in told["remedy"]


def test_a_token_that_may_only_read(with_influx: Plant, influx_server: InfluxServer) -> None:
    with_influx.environment["TOCSIN_INFLUX__TOKEN"] = reader(influx_server)
    told = with_influx.complaint("store")
    assert "answered 403: insufficient permissions for write" in told["found"]
    assert "look at influx.token and its permissions" in told["remedy"]


@pytest.mark.parametrize(
    ("variable", "said"),
    [
        ("TOCSIN_INFLUX__BUCKET", 'bucket "nowhere" not found'),
        ("TOCSIN_INFLUX__ORG", 'organization name "nowhere" not found'),
    ],
)
def test_a_wrong_bucket(with_influx: Plant, variable: str, said: str) -> None:
    with_influx.environment[variable] = "nowhere"
    told = with_influx.complaint("store")
    assert told["found"].endswith(f"answered 404: {said}")
    assert told["remedy"] == "look at influx.org and influx.bucket, or create the bucket"


def test_what_may_be_written_is_said_to_be_and_nothing_is_left_there(
    with_influx: Plant, influx_server: InfluxServer
) -> None:
    organisation = influx_server.request("GET", "/api/v2/orgs")["orgs"][0]["id"]
    bucket = {"orgID": organisation, "name": "looked-at", "retentionRules": []}
    influx_server.request("POST", "/api/v2/buckets", bucket)
    with_influx.environment["TOCSIN_INFLUX__BUCKET"] = "looked-at"
    done = with_influx.call("doctor", "--json")
    found = {each["what"]: each for each in json.loads(done.stdout)["findings"]}
    assert found["store"]["well"]
    assert found["store"]["found"].endswith("bucket looked-at can be written")
    asked = "/query?db=looked-at&q=SHOW+MEASUREMENTS"
    assert influx_server.request("GET", asked) == {"results": [{"statement_id": 0}]}


def test_a_stride_that_does_not_divide_the_length(plant: Plant) -> None:
    plant.write(f"{PROFILE}length = 60\nstride = 8\n[influx]\ntoken = '{KEPT}'")
    assert plant.refusal("run", code=78) == (
        "profiles.pump.stride: 8 does not divide length, which is 60: choose stride 6 or 10, or "
        "length 56 or 64 (tocsin.toml:5)"
    )


def test_a_channel_that_nobody_knows(plant: Plant) -> None:
    plant.write(PROFILE.replace("pressure", "presure"))
    assert plant.call("simulate", "--for", "1m", "--assets", "1").returncode == 0
    told = plant.complaint("channels of pump")
    assert told["found"].startswith("never in the newest ")
    assert told["found"].endswith(" entries: presure")
    assert told["remedy"].startswith("did you mean pressure for presure?")
    assert "mend profiles.pump.channels" in told["remedy"]


@pytest.mark.parametrize("command", ["check", "sink"])
def test_a_secret_file_that_cannot_be_read(plant: Plant, command: str) -> None:
    (plant.folder / "token.txt").mkdir()  # which not even root can read
    plant.write(f"{PROFILE}[influx]\ntoken = '{KEPT}'\ntoken_file = 'token.txt'")
    said = "influx.token_file: cannot read token.txt: Is a directory (tocsin.toml:6)"
    assert plant.refusal(command, code=78) == said


def test_a_kept_secret_that_cannot_be_read(plant: Plant) -> None:
    (plant.folder / "secrets" / "page_token").mkdir(parents=True)
    plant.write(PROFILE)
    plant.environment["TOCSIN_SECRETS_DIR"] = "secrets"
    said = "page.token: cannot read secrets/page_token: Is a directory"
    assert plant.refusal("check", code=78) == said


def test_a_port_that_is_taken(plant: Plant) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        plant.write(f"{PROFILE}[page]\nport = {port}")
        del plant.environment["TOCSIN_PAGE__PORT"]
        told = plant.complaint("page")
        assert told["found"] == f"cannot listen on 127.0.0.1 port {port}: Address already in use"
        assert told["remedy"].startswith("choose another page.port")


def test_a_port_that_is_taken_when_the_page_opens(plant: Plant) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        plant.write(f"{PROFILE}[page]\nport = {port}")
        del plant.environment["TOCSIN_PAGE__PORT"]
        done = plant.call("run", "--page")
    assert done.returncode == 78
    (line,) = [line for line in done.stderr.splitlines() if line.startswith("tocsin: ")]
    assert f"127.0.0.1:{port}" in line
    assert "choose another page.port" in line


def reader(server: InfluxServer) -> str:
    """Return a new token that may read the bucket and nothing else."""
    organisation = server.request("GET", "/api/v2/orgs")["orgs"][0]["id"]
    found = server.request("GET", f"/api/v2/buckets?name={server.bucket}")["buckets"][0]["id"]
    resource = {"type": "buckets", "id": found, "orgID": organisation}
    wanted = {"orgID": organisation, "permissions": [{"action": "read", "resource": resource}]}
    return str(server.request("POST", "/api/v2/authorizations", wanted)["token"])
