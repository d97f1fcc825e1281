"""What stands in docker/compose.yaml, as Docker Compose reads it."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

HOUSE = Path(__file__).parents[1]
DOCKER = HOUSE / "docker"
COMPOSE = DOCKER / "compose.yaml"

Service = Mapping[str, Any]

_VARIABLE = re.compile(r"\$\{(\w+):-([^}]*)\}")


def composed() -> dict[str, Any]:
    """Return the whole file, with its anchors merged and its variables at their defaults."""
    text = _VARIABLE.sub(lambda found: found[2], COMPOSE.read_text())
    read: dict[str, Any] = yaml.safe_load(text)
    return read


def services() -> dict[str, Service]:
    """Return all services, whatever their profile."""
    found: dict[str, Service] = composed()["services"]
    return found


def started() -> dict[str, Service]:
    """Return the services that `docker compose --profile demo up` starts."""
    found = services()
    return {name: found[name] for name in found if "demo" in found[name].get("profiles", ["demo"])}


def variables() -> dict[str, str]:
    """Return the variables that a person may set, with their defaults."""
    return dict(_VARIABLE.findall(COMPOSE.read_text()))


def is_ours(service: Service) -> bool:
    return str(service["image"]).startswith("tocsin:")


def runs_once(service: Service) -> bool:
    return bool(service["restart"] == "no")


def needs(service: Service) -> Mapping[str, str]:
    """Return the services that must be there before, and in which condition."""
    return {name: each["condition"] for name, each in service.get("depends_on", {}).items()}


def mounts(service: Service) -> Mapping[str, tuple[str, bool]]:
    """Return what is mounted: folder in the container -> volume or folder of ours, read-only?"""
    parts = [str(volume).split(":") for volume in service.get("volumes", [])]
    return {target: (source, mode == ["ro"]) for source, target, *mode in parts}


def words(service: Service) -> Sequence[str]:
    return [str(word) for word in service["command"]]


def environment(service: Service) -> Mapping[str, str]:
    given: Mapping[str, str] = service.get("environment", {})
    return given
