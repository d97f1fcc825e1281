import asyncio
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tocsin.adapters.embedded import EmbeddedLog, EmbeddedStore
from tocsin.adapters.influx import InfluxStore
from tocsin.adapters.kafka import KafkaLog
from tocsin.core.operations import RoleReport, decode_report
from tocsin.core.records import Place
from tocsin.ports import Log, TopicSpec
from tocsin.roles.detect import Detector
from tocsin.roles.notify import Notify
from tocsin.roles.retrain import Retrainer
from tocsin.roles.sink import Sink
from tocsin.settings import ConfigError, Settings
from tocsin.wiring import (
    ROLES,
    check_settings,
    demand_topics,
    make_log,
    make_store,
    open_log,
    run_roles,
    topic_specs,
)
from tocsin.wiring.models import recipe_of
from tocsin_models.losses import Loss
from tocsin_models.members import Member, choose_member
from tocsin_models.training import check_pair

PROFILES = [{"name": "pump", "channels": ["flow", "load"]}]
RECEIVERS = [{"name": "shift", "url": "http://127.0.0.1:1"}]

LIGHT = """
import asyncio, sys
from pathlib import Path
from tocsin.cli.main import app
from tocsin.settings import Settings
from tocsin.wiring import ROLES, open_log

async def build():
    settings = Settings(data_dir=Path(sys.argv[1]))
    async with open_log(settings) as log:
        async with ROLES["sink"](settings, log), ROLES["notify"](settings, log):
            pass
        before = "torch" in sys.modules
        settings = Settings(profiles=[{"channels": ["flow"]}])
        async with ROLES["detect"](settings, log):
            return before, "torch" in sys.modules

print(*asyncio.run(build()))
"""


def settings(folder: Path, **values: Any) -> Settings:
    given: dict[str, Any] = {"profiles": PROFILES, "receivers": RECEIVERS, **values}
    return Settings(data_dir=folder, **given)


def test_without_servers_everything_is_embedded(tmp_path: Path) -> None:
    assert isinstance(make_log(settings(tmp_path)), EmbeddedLog)
    assert isinstance(make_store(settings(tmp_path)), EmbeddedStore)


def test_with_servers_it_is_kafka_and_influxdb(tmp_path: Path) -> None:
    there = settings(
        tmp_path / "unused",
        kafka={"bootstrap_servers": "kafka:9092"},
        influx={"url": "http://influx:8086", "token": "t"},
    )
    assert isinstance(make_log(there), KafkaLog)
    assert isinstance(make_store(there), InfluxStore)
    assert not (tmp_path / "unused").exists()


async def test_every_role_is_made_from_settings(tmp_path: Path) -> None:
    kinds = {"detect": Detector, "sink": Sink, "notify": Notify, "retrain": Retrainer}
    assert set(ROLES) == set(kinds)
    here = settings(tmp_path)
    async with open_log(here) as log:
        for name, kind in kinds.items():
            async with ROLES[name](here, log) as role:
                assert isinstance(role, kind)


def test_a_sink_and_a_notifier_do_without_torch(tmp_path: Path) -> None:
    command = [sys.executable, "-c", LIGHT, str(tmp_path)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    assert done.stdout.split() == ["False", "True"]


async def test_the_roles_end_when_they_are_told_to_and_say_what_they_did(tmp_path: Path) -> None:
    stop = asyncio.Event()
    asyncio.get_running_loop().call_later(0.5, stop.set)
    done = await run_roles(settings(tmp_path), list(ROLES), stop)
    assert set(done) == set(ROLES)
    assert len(done["detect"].positions) == Settings().topics.partitions


async def test_roles_at_work_report_of_themselves_and_the_sink_stores_it(tmp_path: Path) -> None:
    here = settings(tmp_path, instance="plant-7", topics={"operations": "ours"})
    stop = asyncio.Event()
    async with asyncio.TaskGroup() as tasks:
        working = tasks.create_task(run_roles(here, list(ROLES), stop))
        found: set[str] = set()
        async with asyncio.timeout(20), EmbeddedStore(tmp_path / "points.sqlite") as store:
            while found != set(ROLES):
                await asyncio.sleep(0.1)
                points = await store.select("tocsin_role", tags={"instance": "plant-7"})
                found = {point["tags"]["role"] for point in points}
        stop.set()
    assert set(working.result()) == set(ROLES)
    async with open_log(here) as log:
        assert (await log.bounds(Place("ours", 0)))[1] >= 2 * len(ROLES)  # the last ones, too


async def test_a_process_without_a_name_is_called_as_its_host(tmp_path: Path) -> None:
    here, stop = settings(tmp_path), asyncio.Event()
    stop.set()
    await run_roles(here, ["notify"], stop)
    async with open_log(here) as log:
        (batch,) = [batch async for batch in log.read(Place("operations", 0), 0, 9)]
    report = decode_report(batch.values[-1] or b"")
    assert isinstance(report, RoleReport)
    assert (report.instance, report.role) == (socket.gethostname(), "notify")


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({"profiles": []}, "profiles: there are none"),
        ({"influx": {"url": "influx"}}, "influx"),
        ({"receivers": [{"name": "shift", "url": "file:///x"}]}, "receiver shift"),
    ],
)
async def test_roles_that_cannot_work_are_refused_before_any_server_is_asked(
    tmp_path: Path, values: dict[str, Any], sentence: str
) -> None:
    kafka = {"bootstrap_servers": "no:1"}
    given: dict[str, Any] = {"data_dir": tmp_path, "profiles": PROFILES, "kafka": kafka}
    wrong = Settings(**given | values)
    with pytest.raises(ConfigError, match=sentence):
        await run_roles(wrong, list(ROLES), asyncio.Event())


def test_a_role_does_without_what_others_need(tmp_path: Path) -> None:
    check_settings(Settings(data_dir=tmp_path), ["sink", "notify"])


async def declared(log: Log, *specs: TopicSpec) -> None:
    await log.declare(specs, create=True)


async def test_a_missing_topic_is_said_to_be_missing(tmp_path: Path) -> None:
    here = settings(tmp_path)
    async with make_log(here) as log:
        await declared(log, TopicSpec("scores", 1), TopicSpec("dead-letters", 1))
        with pytest.raises(ConfigError, match="no topics alerts, operations in embedded log"):
            await demand_topics(log, here, ["sink"])
        await declared(log, TopicSpec("alerts", 1))
        for role in ("sink", "notify", "detect", "retrain"):
            with pytest.raises(ConfigError, match=r"operations in embedded .*topics create"):
                await demand_topics(log, here, [role])
        await declared(log, TopicSpec("operations", 1))
        await demand_topics(log, here, ["sink"])
        with pytest.raises(ConfigError, match="no topics readings, state, models in"):
            await demand_topics(log, here, ["detect"])


async def test_outputs_need_as_many_partitions_as_readings_have(tmp_path: Path) -> None:
    here = settings(tmp_path)
    async with make_log(here) as log:
        narrow = [spec for spec in topic_specs(here.topics, 2) if spec.name != "readings"]
        await declared(log, TopicSpec("readings", 3), *narrow)
        with pytest.raises(ConfigError, match="topic scores has 2 partitions and readings has 3"):
            await demand_topics(log, here, ["detect"])
        await demand_topics(log, here, ["sink", "notify", "retrain"])


def test_how_models_are_learned_is_set(tmp_path: Path) -> None:
    train = {"hidden": 5, "latent": 3, "epochs": 7, "seed": 11, "budget": 0.02}
    recipe = recipe_of(settings(tmp_path, train=train))
    assert (recipe.network.hidden, recipe.network.latent) == (5, 3)
    assert (recipe.training.epochs, recipe.training.seed) == (7, 11)
    assert recipe.calibration.budget == 0.02


@pytest.mark.parametrize("member", list(Member))
def test_every_member_of_the_family_can_be_set(tmp_path: Path, member: Member) -> None:
    wanted = choose_member(member).network
    assert recipe_of(settings(tmp_path, train={"model": str(member)})).network == wanted


@pytest.mark.parametrize("loss", list(Loss))
def test_every_loss_can_be_set(tmp_path: Path, loss: Loss) -> None:
    recipe = recipe_of(settings(tmp_path, train={"loss": str(loss)}))
    assert recipe.training.loss is loss
    check_pair(recipe.network, recipe.training)


def test_a_pca_knows_one_loss_only(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"leave train\.loss out"):
        settings(tmp_path, train={"model": "pca", "loss": "mae"})


def test_a_folder_that_cannot_be_made_is_a_mistake_in_the_settings(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigError, match="data_dir: cannot make"):
        make_log(settings(tmp_path / "file" / "folder"))
