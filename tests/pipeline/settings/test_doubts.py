from pathlib import Path

import pytest

from tocsin.settings import find_settings
from tocsin.settings.doubts import doubts

OPEN = "open-sesame"


def said(folder: Path, text: str = "", mode: int = 0o600) -> list[str]:
    """Return what is doubted of settings whose file is at the usual place."""
    path = folder / "tocsin.toml"
    path.write_text(text)
    path.chmod(mode)
    found = doubts(find_settings())
    assert OPEN not in str(found)
    return found


@pytest.fixture(autouse=True)
def _entered(folder: Path) -> None:
    folder.chmod(0o755)  # a folder that nobody may enter hides what is in it


def test_nothing_is_doubted_without_a_reason(folder: Path) -> None:
    assert said(folder, "[[profiles]]\nchannels = ['flow']", mode=0o644) == []


@pytest.mark.parametrize("secret", ["changeme", "secret", "Password"])
def test_placeholders_are_doubted(folder: Path, secret: str) -> None:
    (told,) = said(folder, f"[influx]\ntoken = '{secret}'")
    assert told == "influx.token: looks like a placeholder; put the real one there"


def test_a_settings_file_with_a_secret_that_everybody_can_read_is_doubted(folder: Path) -> None:
    text = f"[influx]\ntoken = '{OPEN}'"
    (told,) = said(folder, text, mode=0o644)
    assert told.startswith("influx.token: everybody on this machine can read tocsin.toml; chmod")
    assert said(folder, text, mode=0o640) == []


def test_a_secret_file_that_everybody_can_read_is_doubted(folder: Path) -> None:
    (folder / "token.txt").write_text(OPEN)
    (folder / "token.txt").chmod(0o644)
    text = "[influx]\ntoken_file = 'token.txt'"
    (told,) = said(folder, text)
    assert told.startswith("influx.token_file: everybody on this machine can read token.txt")
    folder.chmod(0o700)
    assert said(folder, text) == []


def test_a_kept_secret_that_everybody_can_read_is_doubted(folder: Path, secrets: Path) -> None:
    (secrets / "page_token").write_text(OPEN)
    (secrets / "page_token").chmod(0o644)
    assert said(folder) == []  # the folder itself is closed
    secrets.chmod(0o755)
    (told,) = said(folder)
    assert told.startswith(f"page.token: everybody on this machine can read {secrets}/page_token")


@pytest.mark.parametrize(
    ("first", "second", "doubted"),
    [
        ("*", "pump-7", True),
        ("pump-*", "pump-7", True),
        ("pump*", "pump-*", True),
        ("pump-?", "pump-?", True),
        ("pump-7", "pump-*", False),
        ("pump-?", "pump-*", False),
        ("fan-*", "pump-7", False),
        ("pump-[12]", "pump-1", True),
        ("pump-[12]", "pump-[23]", False),
    ],
)
def test_patterns_that_never_get_an_asset_are_doubted(
    folder: Path, first: str, second: str, *, doubted: bool
) -> None:
    profile = "[[profiles]]\nname = '{}'\nchannels = ['x']\nassets = ['{}']\n"
    found = said(folder, profile.format("a", first) + profile.format("b", second))
    assert bool(found) == doubted
    if doubted:
        assert found[0].startswith(f"profiles.b.assets: '{second}' never gets an asset")


def test_variables_that_nothing_reads_are_doubted(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TOCSIN_KAFKA_BOOTSTRAP_SERVERS", "kafka:9092")
    monkeypatch.setenv("TOCSIN_CONFG", "x")
    monkeypatch.setenv("TOCSIN_SERVICE_HOST", "10.0.0.1")
    monkeypatch.setenv("TOCSIN_PORT", "tcp://10.0.0.1:80")
    confg, servers = sorted(said(folder))
    assert confg == "TOCSIN_CONFG: nothing reads this variable; did you mean TOCSIN_CONFIG?"
    assert servers.startswith("TOCSIN_KAFKA_BOOTSTRAP_SERVERS: nothing reads this variable; did")
    assert servers.endswith("mean TOCSIN_KAFKA__BOOTSTRAP_SERVERS?")


def test_secrets_that_nothing_reads_are_doubted(folder: Path, secrets: Path) -> None:
    for name in ("influx_tokn", "grafana_password", "influx_admin_password"):
        (secrets / name).write_text(OPEN)
    told = f"{secrets}/influx_tokn: nothing reads this secret; did you mean influx_token?"
    assert said(folder) == [told]
