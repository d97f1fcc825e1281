"""docker/compose.yaml, without Docker: what can be seen from the file itself."""

import json
import re
import tomllib
from collections.abc import Iterator
from graphlib import TopologicalSorter
from importlib.util import find_spec
from pathlib import Path

import jsonschema
import pytest
import yaml
from typer.testing import CliRunner

from compose import (
    COMPOSE,
    DOCKER,
    HOUSE,
    composed,
    environment,
    is_ours,
    mounts,
    needs,
    runs_once,
    services,
    variables,
    words,
)
from servers.install import influxdb_folder, kafka_folder
from tocsin.cli.main import app
from tocsin.settings import Settings, load_settings
from tocsin.wiring import ROLES, check_settings

SERVICES = services()
OURS = sorted(name for name in SERVICES if is_ours(SERVICES[name]))
LASTING = sorted(name for name in SERVICES if not runs_once(SERVICES[name]))
SECRET = re.compile(r"PASSWORD|SECRET|TOKEN|_KEY")
MAKERS = ("secrets", "tokens")
KNOWN_KEYS = {
    *("build", "cap_drop", "command", "configs", "depends_on", "environment", "group_add"),
    *("healthcheck", "image", "init", "logging", "mem_limit", "network_mode", "pids_limit"),
    *(
        "ports",
        "profiles",
        "pull_policy",
        "read_only",
        "restart",
        "security_opt",
        "tmpfs",
        "user",
        "volumes",
    ),
}


def schema() -> Path:
    """Return the published schema of Compose files, as `check-jsonschema` ships it."""
    package = find_spec("check_jsonschema")
    if package is None or package.origin is None:
        pytest.skip("no published schema: pip install check-jsonschema")
    return Path(package.origin).parent / "builtin_schemas" / "vendor" / "compose-spec.json"


def secret_files(service: str) -> Iterator[tuple[str, str]]:
    """Give volume and name of every secret that a service's environment names."""
    for name, value in environment(SERVICES[service]).items():
        if name.endswith("_FILE"):
            yield kept(service, value)


def kept(service: str, path: str) -> tuple[str, str]:
    """Return volume and name of a path in a container."""
    folder, _, name = path.rpartition("/")
    return mounts(SERVICES[service])[folder][0], name


def made() -> set[tuple[str, str]]:
    """Return volume and name of every secret that is made at the first start."""
    paths = [(maker, word) for maker in MAKERS for word in words(SERVICES[maker])]
    return {kept(maker, word.rpartition("=")[2]) for maker, word in paths if "/" in word}


def test_the_file_keeps_to_the_published_schema() -> None:
    wanted = json.loads(schema().read_text())
    checker = jsonschema.validators.validator_for(wanted)(wanted)
    assert [error.message for error in checker.iter_errors(composed())] == []


def test_the_published_schema_would_find_a_mistake() -> None:
    wanted = json.loads(schema().read_text())
    checker = jsonschema.validators.validator_for(wanted)(wanted)
    mistaken = composed()
    mistaken["services"]["sink"]["healthchek"] = {}
    assert len(list(checker.iter_errors(mistaken))) == 1


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_says_nothing_that_is_not_known_here(name: str) -> None:
    assert set(SERVICES[name]) <= KNOWN_KEYS


@pytest.mark.parametrize("name", SERVICES)
def test_an_image_is_pinned(name: str) -> None:
    assert re.fullmatch(r"[\w/-]+:\d+\.\d+\.\d+", SERVICES[name]["image"])


def test_the_servers_are_those_that_tests_run_on() -> None:
    assert SERVICES["kafka"]["image"] == f"apache/kafka:{kafka_folder().name.partition('-')[2]}"
    assert SERVICES["influxdb"]["image"] == f"influxdb:{influxdb_folder().name.partition('-')[2]}"


def test_our_image_is_of_our_version_and_built_once() -> None:
    project = tomllib.loads((HOUSE / "pyproject.toml").read_text())["project"]
    assert {SERVICES[name]["image"] for name in OURS} == {f"tocsin:{project['version']}"}
    assert {SERVICES[name]["pull_policy"] for name in OURS} == {"never"}
    (builder,) = [name for name in SERVICES if "build" in SERVICES[name]]
    build = SERVICES[builder]["build"]
    assert (DOCKER / build["context"]).resolve() == HOUSE
    assert HOUSE / build["dockerfile"] == DOCKER / "Dockerfile"


def test_what_a_service_needs_is_there_and_can_become_true() -> None:
    for service in SERVICES.values():
        for name, condition in needs(service).items():
            if condition == "service_healthy":
                assert "healthcheck" in SERVICES[name]
            else:
                assert condition == "service_completed_successfully"
                assert runs_once(SERVICES[name])
            if service["depends_on"][name].get("required", True):  # it is started with the other
                assert set(SERVICES[name].get("profiles", [])) <= set(service.get("profiles", []))


def test_no_service_waits_for_itself() -> None:
    TopologicalSorter({name: needs(each) for name, each in SERVICES.items()}).prepare()


def test_every_volume_is_declared_and_used_and_every_folder_is_there() -> None:
    used = {source for each in SERVICES.values() for source, _ in mounts(each).values()}
    folders = {source for source in used if source.startswith(".")}
    assert used - folders == set(composed()["volumes"])
    assert [folder for folder in sorted(folders) if not (DOCKER / folder).is_dir()] == []
    assert all((DOCKER / each["file"]).is_file() for each in composed()["configs"].values())


def test_the_services_are_the_roles_the_page_and_what_they_need() -> None:
    assert set(ROLES) < set(SERVICES)
    assert {name for name in SERVICES if "profiles" in SERVICES[name]} == {
        "history",
        "plant",
        "doctor",
    }


def test_ports_are_open_to_this_machine_alone() -> None:
    ports = [str(port) for each in SERVICES.values() for port in each.get("ports", [])]
    assert len(ports) == 4
    assert all(re.fullmatch(r"127\.0\.0\.1:\d+:\d+", port) for port in ports)


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_has_limits_and_no_privileges(name: str) -> None:
    service = SERVICES[name]
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert re.fullmatch(r"\d+[mg]", service["mem_limit"])
    assert 0 < service["pids_limit"] <= 1_024
    assert set(service["logging"]["options"]) == {"max-size", "max-file"}
    assert not any("docker.sock" in source for source, _ in mounts(service).values())


@pytest.mark.parametrize("name", LASTING)
def test_a_service_that_lasts_comes_back_and_says_whether_it_works(name: str) -> None:
    service = SERVICES[name]
    assert service["restart"] == "unless-stopped"
    assert service["healthcheck"]["test"][0] in {"CMD", "CMD-SHELL"}
    assert set(service["healthcheck"]) > {"interval", "timeout", "retries", "start_period"}


@pytest.mark.parametrize("name", OURS)
def test_our_containers_cannot_be_written_to(name: str) -> None:
    assert SERVICES[name]["read_only"] is True
    assert SERVICES[name]["init"] is True
    (mount,) = SERVICES[name]["tmpfs"]
    assert re.fullmatch(r"/\w+:size=\d+m,mode=1777", mount)


@pytest.mark.parametrize("name", SERVICES)
def test_a_secret_stands_in_a_file_and_never_in_the_environment(name: str) -> None:
    for variable, value in environment(SERVICES[name]).items():
        if SECRET.search(variable):
            assert variable.endswith("_FILE")
            assert value.startswith(("/run/secrets/", "/secrets/"))


def test_every_secret_that_is_read_was_made() -> None:
    read = {secret for name in SERVICES for secret in secret_files(name)}
    assert read == made() - {
        ("notify-secrets", "webhook-secret"),
        ("grafana-secrets", "influx-token"),
    }


def test_secrets_are_mounted_where_they_are_made_and_where_they_are_read() -> None:
    for name in set(SERVICES) - set(MAKERS):
        for target, (source, read_only) in mounts(SERVICES[name]).items():
            if source.endswith("-secrets"):
                reader = "sink" if name == "doctor" else name
                assert (target, source) == ("/run/secrets", f"{reader}-secrets")
                assert read_only


def test_servers_may_read_what_was_made_for_them() -> None:
    for name in ("grafana", "influxdb"):
        assert SERVICES[name]["group_add"] == ["10001"]
    assert SERVICES["influxdb"]["user"] == "1000:1000"  # as root, its image would drop the group


@pytest.mark.parametrize("name", OURS)
def test_settings_in_the_environment_are_settings(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = settings_of(name, tmp_path, monkeypatch)
    check_settings(settings, [name] if name in ROLES else [])
    if name != "secrets":
        assert settings.kafka.bootstrap_servers == "kafka:19092"


def settings_of(name: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    secret = folder / "secret"
    secret.write_text("secret")
    for variable, value in environment(SERVICES[name]).items():
        monkeypatch.setenv(variable, str(secret) if variable.endswith("_FILE") else str(value))
    return load_settings(DOCKER / "tocsin.toml")


@pytest.mark.parametrize("name", OURS)
def test_a_command_is_one_of_ours_with_options_that_it_has(name: str) -> None:
    result = CliRunner().invoke(app, [*words(SERVICES[name]), "--help"])
    assert result.exit_code == 0, result.output


def test_the_page_wants_a_token_where_others_could_reach_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = settings_of("page", tmp_path, monkeypatch)
    assert settings.page.token.get_secret_value() == "secret"
    assert SERVICES["page"]["ports"] == [f"127.0.0.1:8765:{settings.page.port}"]


def test_readers_and_writers_mean_the_same_database() -> None:
    made_of = environment(SERVICES["influxdb"])
    for name in ("sink", "tokens"):
        told = environment(SERVICES[name])
        assert told["TOCSIN_INFLUX__ORG"] == made_of["DOCKER_INFLUXDB_INIT_ORG"]
        assert told["TOCSIN_INFLUX__BUCKET"] == made_of["DOCKER_INFLUXDB_INIT_BUCKET"]
    assert (
        environment(SERVICES["grafana"])["INFLUX_BUCKET"] == made_of["DOCKER_INFLUXDB_INIT_BUCKET"]
    )


def test_grafana_finds_what_its_provisioning_names() -> None:
    grafana = SERVICES["grafana"]
    there = {target: DOCKER / source for target, (source, _) in mounts(grafana).items()}
    files = sorted(there["/etc/grafana/provisioning"].rglob("*.yaml"))
    text = "\n".join(path.read_text() for path in files)
    assert set(re.findall(r"\$\{?(INFLUX_\w+)", text)) <= set(environment(grafana))
    for path in re.findall(r"\$__file\{([^}]+)\}", text):
        assert kept("grafana", path) in made()
    folders = [
        Path(provider["options"]["path"])
        for path in files
        for provider in yaml.safe_load(path.read_text()).get("providers", [])
    ]
    assert folders
    home = Path(environment(grafana)["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"])
    assert (there[str(home.parent)] / home.name).is_file()
    for folder in folders:
        (target,) = [each for each in there if folder.is_relative_to(each)]
        assert list((there[target] / folder.relative_to(target)).rglob("*.json"))


def test_what_a_person_may_set_stands_in_the_example_with_its_default() -> None:
    lines = (DOCKER / ".env.example").read_text().splitlines()
    shown = dict(re.findall(r"^# (\w+)=(.*)$", "\n".join(lines), re.MULTILINE))
    assert shown == variables()
    assert all(line.startswith("#") or not line for line in lines)


def test_the_file_is_yaml_without_a_key_twice() -> None:
    class Strict(yaml.SafeLoader):
        pass

    def once(loader: yaml.SafeLoader, node: yaml.MappingNode) -> dict[str, object]:
        keys = [key.value for key, _ in node.value if key.value != "<<"]
        assert len(keys) == len(set(keys))
        loader.flatten_mapping(node)
        return {
            str(loader.construct_object(key)): loader.construct_object(value, deep=True)
            for key, value in node.value
        }

    Strict.add_constructor(yaml.resolver.BaseResolver.DEFAULT_MAPPING_TAG, once)
    assert yaml.load(COMPOSE.read_text(), Strict)  # noqa: S506 - a safe loader
