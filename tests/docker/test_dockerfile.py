"""docker/Dockerfile, without Docker: what can be seen from the file itself."""

import json
import re
import tomllib
from dataclasses import dataclass, field
from fnmatch import fnmatch
from itertools import takewhile
from typing import Any

import pytest

from compose import DOCKER, HOUSE, is_ours, mounts, services

PROJECT: dict[str, Any] = tomllib.loads((HOUSE / "pyproject.toml").read_text())["project"]


@dataclass(frozen=True, slots=True)
class Stage:
    """What is done from one FROM to the next: instructions and their arguments, in order."""

    base: str
    name: str
    steps: list[tuple[str, str]] = field(default_factory=list)

    def all(self, instruction: str) -> list[str]:
        return [argument for word, argument in self.steps if word == instruction]

    def only(self, instruction: str) -> str:
        (argument,) = self.all(instruction)
        return argument


def stages() -> list[Stage]:
    lines = (DOCKER / "Dockerfile").read_text().splitlines()
    text = "\n".join(line for line in lines if not line.startswith("#"))
    found: list[Stage] = []
    for line in re.sub(r"\\\n\s*", "", text).splitlines():
        if not line.strip():
            continue
        instruction, argument = line.split(maxsplit=1)
        if instruction == "FROM":
            base, _, name = argument.partition(" AS ")
            found.append(Stage(base, name))
        else:
            found[-1].steps.append((instruction, argument))
    return found


BUILDER, IMAGE = stages()


def copied(stage: Stage) -> list[tuple[list[str], str]]:
    """Return what is copied out of the build's context, and where to."""
    arguments = [each.split() for each in stage.all("COPY") if not each.startswith("--from=")]
    return [(sources, target) for *sources, target in arguments]


def is_sent(path: str) -> bool:
    """Tell whether a path goes into the build's context: the last pattern that fits, counts."""
    lines = (HOUSE / ".dockerignore").read_text().splitlines()
    ignored = False
    for line in filter(None, lines):
        pattern = line.removeprefix("!")
        if not line.startswith("#") and (fnmatch(path, pattern) or path.startswith(f"{pattern}/")):
            ignored = not line.startswith("!")
    return not ignored


def test_both_stages_stand_on_one_python_that_the_project_supports() -> None:
    assert BUILDER.base == IMAGE.base
    version = re.fullmatch(r"python:(3\.\d+)-slim", IMAGE.base)
    assert version
    assert f"Programming Language :: Python :: {version[1]}" in PROJECT["classifiers"]
    other = re.findall(r"python(3\.\d+)", (DOCKER / "Dockerfile").read_text())
    assert set(other) == {version[1]}


def test_whatever_is_copied_is_there_and_is_sent_to_the_build() -> None:
    sources = [source for stage in (BUILDER, IMAGE) for some, _ in copied(stage) for source in some]
    assert {"pyproject.toml", "models", "pipeline"} < set(sources)
    assert [source for source in sources if not (HOUSE / source).exists()] == []
    assert [source for source in sources if not is_sent(source)] == []


@pytest.mark.parametrize(
    "path", [".git/config", ".venv/bin/python", "docker/.env", "tests/stack.py", ".tocsin/log"]
)
def test_nothing_else_is_sent_to_the_build(path: str) -> None:
    assert not is_sent(path)


def test_everything_the_wheel_is_made_of_is_copied() -> None:
    tool = tomllib.loads((HOUSE / "pyproject.toml").read_text())["tool"]
    packages = tool["hatch"]["build"]["targets"]["wheel"]["packages"]
    sources = {source for some, _ in copied(BUILDER) for source in some}
    assert {package.partition("/")[0] for package in packages} < sources
    assert {PROJECT["readme"], *PROJECT["license-files"]} < sources


def test_torch_comes_from_the_index_of_cpu_builds_within_the_bounds_of_the_project() -> None:
    (wanted,) = [each for each in PROJECT["dependencies"] if each.startswith("torch")]
    (step,) = [each for each in BUILDER.all("RUN") if "torch>=" in each]
    assert f'--index-url "$TORCH_INDEX" "{wanted}"' in step
    assert BUILDER.only("ARG") == "TORCH_INDEX=https://download.pytorch.org/whl/cpu"


def test_the_image_runs_as_nobody_in_particular() -> None:
    uid, gid = map(int, IMAGE.only("USER").split(":"))
    assert min(uid, gid) >= 10_000
    assert f"useradd --uid {uid} --gid {gid}" in "".join(IMAGE.all("RUN"))
    steps = [word for word, _ in IMAGE.steps]
    assert set(steps[steps.index("USER") :]) == {
        *("USER", "WORKDIR", "STOPSIGNAL", "ENTRYPOINT", "CMD")
    }


def test_the_entrypoint_is_our_command_without_a_shell() -> None:
    (command,) = json.loads(IMAGE.only("ENTRYPOINT"))
    assert command in PROJECT["scripts"]
    assert json.loads(IMAGE.only("CMD")) == ["--help"]
    assert IMAGE.only("STOPSIGNAL") == "SIGTERM"
    assert "PATH=/opt/tocsin/bin:$PATH" in IMAGE.only("ENV")
    assert "PYTHONSAFEPATH=1" in IMAGE.only("ENV")


def test_no_secret_and_no_foreign_file_gets_into_the_image() -> None:
    for stage in (BUILDER, IMAGE):
        assert stage.all("ADD") == []
        given = " ".join(stage.all("ARG") + stage.all("ENV"))
        assert re.search(r"(?i)password|secret|token|_key", given) is None


def test_the_labels_tell_the_truth() -> None:
    labels = dict(
        re.findall(r'org\.opencontainers\.image\.([\w.]+)="([^"]*)"', IMAGE.only("LABEL"))
    )
    assert labels["version"] == PROJECT["version"]
    assert labels["licenses"] == PROJECT["license"]
    assert labels["description"] == PROJECT["description"]
    assert labels["base.name"].endswith(IMAGE.base)


def test_folders_of_secrets_belong_to_the_account_that_fills_them() -> None:
    """A new volume takes its owner from the folder in the image that it is mounted over."""
    (step,) = [each for each in IMAGE.all("RUN") if "install --directory" in each]
    uid, gid = IMAGE.only("USER").split(":")
    assert f"--owner {uid} --group {gid} --mode 0750" in step
    made = set(takewhile(lambda word: word.startswith("/"), step.split("--mode 0750 ")[1].split()))
    filled = {
        target
        for name in ("secrets", "tokens")
        for target, (_, read_only) in mounts(services()[name]).items()
        if not read_only
    }
    assert made == filled


def test_the_health_check_is_in_the_image_where_it_is_called() -> None:
    targets = {target for _, target in copied(BUILDER)}
    checks = [
        each["healthcheck"]["test"]
        for each in services().values()
        if is_ours(each) and "healthcheck" in each
    ]
    assert len(checks) == 6
    assert {check[3] for check in checks} == {"/opt/tocsin/share/tocsin/healthy.py"}
    assert "/opt/tocsin/share/tocsin/healthy.py" in targets
    assert "--from=builder /opt/tocsin /opt/tocsin" in IMAGE.all("COPY")
