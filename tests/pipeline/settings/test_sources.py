from pathlib import Path

import pytest

from tocsin.settings import ConfigError, find_settings, load_settings

RECEIVER = '[[receivers]]\nname = "shift"\nurl = "http://x"\n'
PROFILES = '[[profiles]]\nchannels = ["a"]\n\n[[profiles]]\nname = "pump"\nchannels = ["b"]\n'
OPEN = "open-sesame"


def refusal(*assignments: str) -> str:
    with pytest.raises(ConfigError) as error:
        load_settings(assignments=assignments)
    assert OPEN not in str(error.value)
    return str(error.value)


def token() -> str:
    return load_settings().influx.token.get_secret_value()


def test_every_place_wins_over_those_before_it(
    folder: Path, secrets: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "tocsin.toml").write_text("[influx]\ntoken = 'file'\nbucket = 'file'")
    assert token() == "file"
    monkeypatch.setenv("TOCSIN_INFLUX__TOKEN", "variable")
    assert token() == "variable"
    (secrets / "influx_token").write_text("secret\n")
    assert token() == "secret"
    (folder / "flagged").write_text("flagged")
    said = load_settings(assignments=["influx.token_file=flagged", "influx.bucket=flag"]).influx
    assert said.token.get_secret_value() == "flagged"
    assert said.bucket == "flag"


def test_a_file_that_is_named_wins_over_the_secret_beside_it_wherever_that_stands(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "named").write_text("named")
    (folder / "tocsin.toml").write_text("[influx]\ntoken_file = 'named'")
    monkeypatch.setenv("TOCSIN_INFLUX__TOKEN", "variable")
    assert token() == "named"


def test_the_folder_of_secrets_wins_over_a_file_that_is_named_elsewhere(
    folder: Path, secrets: Path
) -> None:
    (folder / "tocsin.toml").write_text("[influx]\ntoken_file = 'not-even-there'")
    (secrets / "influx_token").write_text("secret")
    assert token() == "secret"


def test_there_is_a_file_for_every_secret(folder: Path, secrets: Path) -> None:
    (folder / "tocsin.toml").write_text(RECEIVER + RECEIVER.replace("shift", "night crew"))
    names = ["kafka_sasl_password", "influx_token", "page_token"]
    names += ["receivers_shift_secret", "receivers_night crew_secret"]
    for name in names:
        (secrets / name).write_text(f"{name}\n")
    found = load_settings()
    kept = [found.kafka.sasl_password, found.influx.token, found.page.token]
    kept += [receiver.secret for receiver in found.receivers]
    assert [secret.get_secret_value() for secret in kept] == names


def test_no_folder_is_looked_into_that_is_not_named(folder: Path) -> None:
    (folder / "influx_token").write_text("beside")
    assert token() == ""


def test_a_folder_of_secrets_that_is_not_there_is_a_mistake(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("TOCSIN_SECRETS_DIR", "nowhere")
    said = "TOCSIN_SECRETS_DIR: cannot read the folder nowhere: No such file or directory"
    assert refusal() == said


def test_a_link_does_not_lead_out_of_the_folder_of_secrets(folder: Path, secrets: Path) -> None:
    (folder / "elsewhere").write_text(OPEN)
    (secrets / "influx_token").symlink_to(folder / "elsewhere")
    said = f"{secrets}/influx_token is a link that leads out of its folder; put the secret there"
    assert refusal() == f"influx.token: {said}"


def test_links_in_a_circle_are_a_mistake(secrets: Path) -> None:
    (secrets / "influx_token").symlink_to(secrets / "influx_token")
    assert refusal().startswith(f"influx.token: {secrets}/influx_token is a link")


def test_links_within_the_folder_of_secrets_are_followed_as_kubernetes_makes_them(
    secrets: Path,
) -> None:
    (secrets / "..2026").mkdir()
    (secrets / "..2026" / "influx_token").write_text("mounted")
    (secrets / "..data").symlink_to("..2026")
    (secrets / "influx_token").symlink_to("..data/influx_token")
    assert token() == "mounted"


@pytest.mark.parametrize(("content", "said"), [(b" \n", "is empty"), (b"\xff", "is no text file")])
def test_a_file_without_a_secret_is_a_mistake(secrets: Path, content: bytes, said: str) -> None:
    (secrets / "influx_token").write_bytes(content)
    assert refusal() == f"influx.token: {secrets}/influx_token {said}"


def test_other_secrets_in_the_folder_are_none_of_ours(secrets: Path) -> None:
    (secrets / "grafana_password").write_text(OPEN)
    (secrets / "influx_admin").mkdir()
    assert token() == ""


def test_flags_reach_into_lists_by_name_and_by_number(folder: Path) -> None:
    (folder / "tocsin.toml").write_text(PROFILES)
    said = ["profiles.pump.stride=4", "profiles.0.stride=16", 'profiles.0.channels=["x", "y"]']
    one, other = load_settings(assignments=said).profiles
    assert (one.stride, other.stride) == (16, 4)
    assert one.channels == ["x", "y"]


def test_whole_lists_can_be_flags_and_stay_open_to_later_ones() -> None:
    said = ['profiles=[{"name": "fan", "channels": ["x"]}]', "profiles.fan.length=32"]
    assert load_settings(assignments=said).profiles[0].length == 32


def test_of_two_flags_for_one_key_the_last_counts() -> None:
    said = ["influx.bucket=a=b", "influx.bucket=c=d"]
    assert load_settings(assignments=said).influx.bucket == "c=d"


@pytest.mark.parametrize(
    ("assignment", "said"),
    [
        (
            "influx.bukcet=x",
            "influx.bukcet: there is no such setting; did you mean bucket? (--set)",
        ),
        ("bucket", "--set: write table.key=value, as in --set influx.bucket=plant"),
        ("=x", "--set: write table.key=value, as in --set influx.bucket=plant"),
        ("influx..bucket=x", "--set: write table.key=value, as in --set influx.bucket=plant"),
        ("train.hidden=many", "train.hidden: write a whole number (--set)"),
        ("influx=x", "--set influx: is a table; set its keys, as in --set influx.key=value"),
        ("influx.url.host=x", "influx.url: write a text, in quotes (--set)"),
        (
            "profiles=flow",
            "profiles: is a list of tables: write [[profiles]] for each; elsewhere a",
        ),
        (
            "profiles.fan.stride=4",
            "--set profiles.fan.stride: profiles has no fan; there are 0, pu",
        ),
        ("profiles.7.stride=4", "--set profiles.7.stride: profiles has no 7; there are 0, pump"),
        (
            "profiles.pump=4",
            "--set profiles.pump: is a table; set its keys, as in --set profiles.pump.key=value",
        ),
        (
            f"influx.token={OPEN}",
            "--set influx.token: everybody on this machine can read a command",
        ),
        (
            f'receivers=[{{"name": "a", "url": "http://x", "secret": "{OPEN}"}}]',
            "--set receivers: everybody on this machine can read a command line",
        ),
    ],
)
def test_a_flag_that_cannot_be_taken_is_told_with_what_to_do(
    folder: Path, assignment: str, said: str
) -> None:
    (folder / "tocsin.toml").write_text(PROFILES)
    assert refusal(assignment).startswith(said)


def test_mistakes_from_all_places_are_told_at_once(
    folder: Path, secrets: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "tocsin.toml").write_text("[kafka]\nsession_timeout = 'soon'")
    monkeypatch.setenv("TOCSIN_TRAIN__HIDDEN", "many")
    monkeypatch.setenv("TOCSIN_NONE__SUCH", "x")
    (secrets / "page_token").write_text("")
    said = refusal("influx.bukcet=x").splitlines()
    assert [line.split(":")[0] for line in said] == [
        "page.token",
        "kafka.session_timeout",
        "influx.bukcet",
        "train.hidden",
        "none",
    ]


def test_every_value_knows_where_it_was_said(
    folder: Path, secrets: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = "# a plant\ndata_dir = 'x'\n\n[influx]\nurl = 'http://i'\ntimeout = '5s'\n"
    receiver = "secret_file = 'named'\n"
    alerts = "[profiles.alerts]\nopen_count = 2\n"
    (folder / "tocsin.toml").write_text(text + RECEIVER + receiver + PROFILES + alerts)
    (folder / "named").write_text("whsec_x")
    (secrets / "influx_token").write_text("x")
    monkeypatch.setenv("TOCSIN_INFLUX__BUCKET", "plant")
    monkeypatch.setenv("TOCSIN_RETRAIN", '{"every": "1h"}')
    found = find_settings(assignments=["influx.timeout=7s"])
    places = {
        ("data_dir",): "tocsin.toml:2",
        ("influx", "url"): "tocsin.toml:5",
        ("influx", "timeout"): "--set",
        ("influx", "bucket"): "TOCSIN_INFLUX__BUCKET",
        ("influx", "token"): f"{secrets}/influx_token",
        ("influx", "org"): "default",
        ("receivers", 0, "secret"): "named, named by secret_file in tocsin.toml:10",
        ("profiles", 0, "channels"): "tocsin.toml:12",
        ("profiles", 1, "channels"): "tocsin.toml:16",
        ("profiles", 1, "alerts", "open_count"): "tocsin.toml:18",
        ("profiles", 0, "alerts", "open_count"): "default",
        ("retrain", "every"): "TOCSIN_RETRAIN",
    }
    assert {path: str(found.origin(path)) for path in places} == places


def test_a_list_from_a_stronger_place_replaces_the_weaker_one(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "tocsin.toml").write_text(PROFILES)
    monkeypatch.setenv("TOCSIN_PROFILES", '[{"name": "fan", "channels": ["x"]}]')
    found = find_settings()
    assert [profile.name for profile in found.settings.profiles] == ["fan"]
    assert str(found.origin(("profiles", 0, "stride"))) == "default"


def test_an_empty_variable_for_a_file_names_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOCSIN_INFLUX__TOKEN_FILE", "")
    monkeypatch.setenv("TOCSIN_KAFKA__CA_FILE", "")
    found = load_settings()
    assert (found.influx.token_file, found.kafka.ca_file) == (None, None)


def test_what_settings_print_of_a_receiver_is_not_its_address(folder: Path) -> None:
    (folder / "tocsin.toml").write_text(RECEIVER.replace("http://x", f"http://x/{OPEN}"))
    found = find_settings()
    assert found.settings.receivers[0].url.endswith(OPEN)
    assert OPEN not in repr(found)
