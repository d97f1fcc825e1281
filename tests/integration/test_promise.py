"""From readings in the log to points in the store and a webhook: real programs, real data."""

import asyncio
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

import pytest
from standardwebhooks import WebhookVerificationError

import skab
from inbox import SECRET, Inbox, Letter
from programs import Program, Site, Tables
from rigs import HEALTHY, Feed, findings, furnish, points, profile_of, rig_site, until
from servers.servers import InfluxServer
from tocsin.wiring import make_log

pytestmark = [
    pytest.mark.integration,
    # Six starts of some seconds each, a training, and the sink's pause after an outage of ten
    # seconds, which may be 10 s; twice that where the cores are shared.
    pytest.mark.timeout(150),
]

ROLES = ("detect", "sink", "notify")
TABLE = ("--time-column", "datetime")
SENT = ("--asset", "rig-1", *TABLE, *(f"--ignore={column}" for column in skab.NO_CHANNELS))


def influx_table(server: InfluxServer, folder: Path) -> tuple[str, dict[str, object]]:
    token = folder / "token"
    token.write_text(f"{server.token}\n")
    address = {"url": server.url, "org": server.org, "bucket": server.bucket}
    return ("influx", {**address, "token_file": str(token)})


def receiver_table(inbox: Inbox, folder: Path) -> tuple[str, dict[str, object]]:
    secret = folder / "secret"
    secret.write_text(SECRET)
    return ("[receivers]", {"name": "on-call", "url": inbox.url, "secret_file": str(secret)})


def start(site: Site, stack: ExitStack) -> dict[str, Program]:
    return {role: stack.enter_context(site.runs(role)) for role in ROLES}


async def stored(site: Site, count: int) -> bool:
    """Tell whether so many scores are in the store, and the end of an alert."""
    scored = await points(site.settings, "tocsin_score")
    return len(scored) >= count and bool(await points(site.settings, "tocsin_episode"))


async def stop(programs: dict[str, Program]) -> None:
    """End all as an operator does; each had to be there still, and to end well."""
    assert [role for role, program in programs.items() if not program.alive()] == []
    codes = {role: await asyncio.to_thread(program.stop) for role, program in programs.items()}
    assert codes == dict.fromkeys(ROLES, 0)


@pytest.fixture
def tables(request: pytest.FixtureRequest, log_table: dict[str, object], tmp_path: Path) -> Tables:
    """Return Kafka with InfluxDB, or the embedded log with the embedded store."""
    if "bootstrap_servers" not in log_table:
        return [("kafka", log_table)]
    server: InfluxServer = request.getfixturevalue("influx_server")
    return [("kafka", log_table), influx_table(server, tmp_path)]


async def test_a_recording_becomes_points_an_alert_and_a_signed_webhook(
    tables: Tables, tmp_path: Path
) -> None:
    recording = skab.recording(HEALTHY)
    async with Inbox() as inbox:
        site = rig_site(tmp_path, [*tables, receiver_table(inbox, tmp_path)])
        profile = profile_of(site)
        held = {window.end_ns: int(window.status) for window in skab.windows(recording, profile)}
        with ExitStack() as stack:
            created = await asyncio.to_thread(site.call, "topics", "create")
            learning = ("train", recording, "--rows", str(skab.NORMAL_ROWS), *TABLE)
            learned = await asyncio.to_thread(
                site.call, *learning, "--asset", "rig-1", "--profile", profile.name
            )
            sent = await asyncio.to_thread(site.call, "replay", recording, *SENT)
            programs = start(site, stack)

            async def all_arrived() -> bool:
                return "resolved" in inbox.statuses() and await stored(site, len(held))

            await until(all_arrived, timeout_s=60)
            await stop(programs)
    assert {topic["state"] for topic in created["topics"]} <= {"created", "present"}
    assert (sent["records"], sent["bad_rows"]) == (len(skab.rows(recording)), 0)
    scored = await points(site.settings, "tocsin_score")
    assert {point["time"]: point["status"] for point in scored} == held
    assert len(scored) == len(held)
    assert {point["model"] for point in scored if point["status"] == 0} == {learned["version"]}
    await assert_alerted(site, recording)
    assert_told(inbox.letters)


async def assert_alerted(site: Site, recording: Path) -> None:
    """The fault, and nothing else, opened an alert, and it was over before the end."""
    low_ns, high_ns = skab.labelled_ns(recording)
    (episode,) = await points(site.settings, "tocsin_episode")
    steps = await points(site.settings, "tocsin_alert")
    assert {step["alert"] for step in steps} == {episode["alert"]}
    opened_ns = [step["opened_ms"] * 1e6 for step in steps if step["rule"] == "anomaly"]
    assert opened_ns
    assert all(low_ns < opened < high_ns for opened in opened_ns)
    assert {step["state"] for step in steps} == {"open", "resolved"}


def assert_told(letters: Sequence[Letter]) -> None:
    """It was said once that the alert is there and once that it is over, signed both times."""
    bodies = [letter.verified() for letter in letters]
    assert [body["status"] for body in bodies] == ["firing", "resolved"]
    assert {body["commonLabels"]["asset"] for body in bodies} == {"rig-1"}
    assert len({letter.headers["webhook-id"] for letter in letters}) == 2
    forged = Letter(letters[0].headers, letters[0].body.replace(b"firing", b"mended"))
    with pytest.raises(WebhookVerificationError):
        forged.verified()


async def test_nothing_is_missing_after_influxdb_was_away_and_nothing_else_waited_for_it(
    log_table: dict[str, object], own_influx: InfluxServer, tmp_path: Path
) -> None:
    async with Inbox() as inbox:
        tables = [("kafka", log_table), influx_table(own_influx, tmp_path)]
        site = rig_site(tmp_path, [*tables, receiver_table(inbox, tmp_path)])
        async with make_log(site.settings) as log:
            await furnish(log, site)
            readings = site.settings.topics.readings
            feed = Feed(log, readings, {"rig-1": skab.recording(HEALTHY)})
            await live_through_an_outage(site, feed, own_influx, inbox)
        held = feed.windows(profile_of(site))
    scored = await points(site.settings, "tocsin_score")
    assert {(point["asset"], point["time"]) for point in scored} == held
    assert len(scored) == len(held)
    assert len(await points(site.settings, "tocsin_episode")) == 1
    assert_told(inbox.letters)


async def live_through_an_outage(
    site: Site, feed: Feed, influx: InfluxServer, inbox: Inbox
) -> None:
    """Kill InfluxDB before the fault, and start it when everybody has been told of its end."""
    held = feed.windows(profile_of(site))

    async def some_are_stored() -> bool:
        return bool(await points(site.settings, "tocsin_score"))

    async def all_is_said() -> bool:
        scores = (await findings(feed.log, site)).scores
        return scores.keys() == held and "resolved" in inbox.statuses()

    async def missed_by_the_sink() -> bool:
        return bool(programs["sink"].said("store_unavailable"))

    with ExitStack() as stack:
        programs = start(site, stack)
        await feed.send(0, 500)
        await until(some_are_stored, timeout_s=30)
        await asyncio.to_thread(influx.kill)
        assert not inbox.letters
        await feed.send(500, len(feed))
        await until(all_is_said, timeout_s=30)
        await until(missed_by_the_sink, timeout_s=30)
        await asyncio.to_thread(influx.start)
        await until(lambda: stored(site, len(held)), timeout_s=45)
        await stop(programs)
