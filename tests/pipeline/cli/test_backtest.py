import json
import re
from pathlib import Path

import numpy as np
import pytest

from backtesting import BEGAN_NS, small_series
from desk import Desk
from tocsin.core.instants import rfc3339
from tocsin.core.profile import SECOND_NS

QUICK = ("--set", "train.hidden=8", "--set", "train.latent=4", "--set", "train.epochs=4")
SMALL = ("--length", "12", "--train", "400", *QUICK)
CONTROLS = ["always", "t2-ewma", "pca", "iforest"]


def write_table(
    desk: Desk, name: str = "plant.csv", *, seed: int = 0, labelled: bool = True
) -> Path:
    """Write a small plant's series: 600 rows a second apart, two events behind row 400."""
    series = small_series(seed=seed)
    assert series.label is not None
    lines = ["datetime;flow;heat;level" + (";anomaly" if labelled else "")]
    for row in range(600):
        cells = [*map(repr, series.values[row].tolist())]
        cells += [str(int(series.label[row]))] if labelled else []
        lines.append(";".join([str(series.time_ns[row]), *cells]))
    path = desk.folder / name
    path.parent.mkdir(exist_ok=True)
    path.write_text("\n".join(lines) + "\n")
    return path


@pytest.fixture
def table(desk: Desk) -> Path:
    return write_table(desk)


def test_the_default_stands_beside_what_it_has_to_beat(desk: Desk, table: Path) -> None:
    result = desk.call("backtest", table, "-t", "datetime", *SMALL)
    assert result.exit_code == 0, result.output
    heads = [word.strip() for word in result.stdout.splitlines()[1].split("┃")]
    assert heads[2:-1] == ["default", *CONTROLS]
    for title in ("VUS-PR", "faults found", "false alarms a day", "rows without a score"):
        assert title in result.stdout
    assert "What default rang about" in result.stdout
    assert "2026-01-05T00:0" in result.stdout


def test_the_help_says_what_auto_chooses_and_what_it_does_not(desk: Desk) -> None:
    plain = re.sub(r"\x1b\[[0-9;]*m", "", desk.call("backtest", "--help").stdout)
    said = " ".join(re.findall(r"[\w.]+", plain))

    assert "auto as many as suit the rows that are learned from" in said
    assert "sizes are train.hidden and train.latent" in said


def test_the_json_has_every_figure_and_every_alert(desk: Desk, table: Path) -> None:
    words = ("backtest", table, "-t", "datetime", *SMALL, "--seeds", "2")
    result = desk.call(*words, "--json", "-")
    assert result.exit_code == 0, result.output
    found = json.loads(result.stdout)
    assert list(found["models"]) == ["default", *CONTROLS]
    assert found["seeds"] == [0, 1]
    series = found["series"]["plant"]
    assert (series["rows"], series["train_rows"], series["abnormal_rows"]) == (600, 400, 20)
    assert series["channels"] == ["flow", "heat", "level"]
    recall = found["models"]["default"]["event_recall"]
    assert set(recall) == {"mean", "se", "series"}
    assert recall["mean"] == recall["series"]["plant"] > 0
    assert found["models"]["always"]["false_alarm_rate"]["mean"] == 1
    alerts = found["alerts"]["default"]["plant"]
    assert alerts
    for alert in alerts:
        end_ns = BEGAN_NS + (alert["opened_row"] + 1) * SECOND_NS  # of the row that opened it
        assert alert["opened"] == rfc3339(end_ns)
        assert {each["name"] for each in alert["channels"]} <= {"flow", "heat", "level"}


def test_in_hindsight_our_models_stand_a_second_time_and_are_marked(
    desk: Desk, table: Path
) -> None:
    words = ("backtest", table, "-t", "datetime", "--models", "dense", *SMALL, "--hindsight")
    result = desk.call(*words, "--json", "out.json", "--report", "out.html")
    assert result.exit_code == 0, result.output
    first, second = (result.stdout.splitlines()[line].split("┃")[2:-1] for line in (1, 2))
    heads = [f"{one} {two}".split() for one, two in zip(first, second, strict=True)]
    ours = ["dense", "dense (hindsight)", "always", "t2-ewma", "pca", "pca (hindsight)", "iforest"]
    ahead = [name for name in ours if "hindsight" in name]
    marks = {name: " looks ahead" if name in ahead else "" for name in ours}
    assert [" ".join(head) for head in heads] == [name + mark for name, mark in marks.items()]
    assert "What looks ahead judges a row by later ones too" in " ".join(result.stdout.split())
    assert "What dense rang about" in result.stdout
    found = json.loads((desk.folder / "out.json").read_text())
    assert found["settings"]["hindsight"]
    marked = [name for name, figures in found["models"].items() if figures.get("looks_ahead")]
    assert marked == ahead
    assert found["models"][ahead[0]]["event_recall"]["mean"] > 0
    assert not found["alerts"].keys() & set(ahead)
    page = (desk.folder / "out.html").read_text()
    assert '"name":"dense (hindsight)","mute":false,"ahead":true' in page


def test_nothing_looks_ahead_unless_it_is_asked_for(desk: Desk, table: Path) -> None:
    words = ("backtest", table, "-t", "datetime", "--models", "pca", "--no-controls", *SMALL)
    assert "ahead" not in desk.call(*words).stdout
    found = json.loads(desk.call(*words, "--json", "-").stdout)
    assert list(found["models"]) == ["pca"]
    assert "looks_ahead" not in found["models"]["pca"]


def test_a_benchmark_cannot_look_ahead(desk: Desk) -> None:
    result = desk.call("benchmark", desk.folder, "--hindsight")
    assert (result.exit_code, result.stdout) == (2, "")
    assert "No such option" in result.stderr


def test_the_json_can_go_into_a_file_beside_the_table(desk: Desk, table: Path) -> None:
    words = ("backtest", table, "-t", "datetime", "--models", "pca", "--no-controls", *SMALL)
    result = desk.call(*words, "--json", "out.json")
    assert result.exit_code == 0, result.output
    assert "faults found" in result.stdout
    assert list(json.loads((desk.folder / "out.json").read_text())["models"]) == ["pca"]


def test_without_labels_it_is_said_how_often_it_would_have_rung(desk: Desk) -> None:
    table = write_table(desk, labelled=False)
    words = ("backtest", table, "-t", "datetime", "--models", "pca", "--no-controls", *SMALL)
    result = desk.call(*words)
    assert result.exit_code == 0, result.output
    assert "alarms a day" in result.stdout
    assert "rows in alarm" in result.stdout
    assert "faults found" not in result.stdout


def test_rows_that_nobody_judged_are_not_passed_off_as_calm(desk: Desk) -> None:
    table = write_table(desk, labelled=False)
    lines = table.read_text().splitlines()
    words = ("backtest", table, "-t", "datetime", "--models", "pca", "--no-controls", *SMALL)
    assert "nothing is known" not in desk.call(*words).stdout
    blank = [line.split(";")[0] + ";;;" for line in lines[540:]]
    table.write_text("\n".join([*lines[:540], *blank]) + "\n")
    said = " ".join(desk.call(*words).stdout.split())
    assert re.search(
        r"2\d\.\d% of the rows have no score from pca: nothing is known about them", said
    )


def test_several_files_are_one_trial_each_under_names_of_their_own(desk: Desk) -> None:
    tables = [write_table(desk, f"{name}/plant.csv", seed=n) for n, name in enumerate("ab")]
    words = ("--models", "pca", "--no-controls", *SMALL, "--json", "-")
    found = json.loads(desk.call("backtest", *tables, "-t", "datetime", *words).stdout)
    assert list(found["series"]) == ["a/plant.csv", "b/plant.csv"]
    figure = found["models"]["pca"]["vus_pr"]
    assert figure["mean"] == pytest.approx(np.mean(list(figure["series"].values())))
    assert figure["se"] is not None


def test_arrays_without_times_are_judged_by_row(desk: Desk) -> None:
    series, path = small_series(), desk.folder / "plant.npz"
    np.savez(path, x=series.values, label=np.asarray(series.label, np.uint8), train_rows=400)
    words = ("--models", "pca", "--length", "12", "--no-controls")
    result = desk.call("backtest", path, *words)
    assert result.exit_code == 0, result.output
    assert re.search(r"│ row [345]\d\d +│", result.stdout)
    assert "1970" not in result.stdout
    assert "2000-01-01" not in result.stdout
    found = json.loads(desk.call("backtest", path, *words, "--json", "-").stdout)
    assert found["models"]["pca"]["delay_s"]["mean"] is None
    assert found["series"]["plant"]["period_s"] is None


def test_the_budget_moves_the_limit(desk: Desk, table: Path) -> None:
    words = ("backtest", table, "-t", "datetime", "--models", "pca", "--no-controls", *SMALL)
    shares = []
    for budget in ("0.4", "0.001"):
        found = json.loads(desk.call(*words, "--budget", budget, "--json", "-").stdout)
        assert found["settings"]["train"]["budget"] == float(budget)
        shares.append(found["models"]["pca"]["in_alarm"]["mean"])
    assert shares[0] > shares[1]


def test_a_report_can_be_written(desk: Desk, table: Path) -> None:
    words = ("--models", "pca", "--no-controls", *SMALL, "--report", "plant.html")
    result = desk.call("backtest", table, "-t", "datetime", *words)
    assert result.exit_code == 0, result.output
    assert "<html" in (desk.folder / "plant.html").read_text().lower()


def test_a_label_column_that_is_not_there_comes_with_the_one_that_was_meant(
    desk: Desk, table: Path
) -> None:
    result = desk.call("backtest", table, "-t", "datetime", "--label", "anomoly")
    assert (result.exit_code, result.stdout) == (2, "")
    assert "plant.csv: there is no column 'anomoly'; did you mean 'anomaly'?" in result.stderr


def test_a_time_column_that_is_not_there_comes_with_the_one_that_was_meant(
    desk: Desk, table: Path
) -> None:
    result = desk.call("backtest", table, "-t", "date_time")
    assert result.exit_code == 2
    assert "there is no column 'date_time'; did you mean 'datetime'?" in result.stderr


@pytest.mark.parametrize(
    ("option", "value", "said"),
    [
        ("--models", "ltsm", "did you mean lstm?"),
        ("--train", "half", "a number of rows such as 400, or a share such as 0.3"),
        ("--train", "inf", "a number of rows such as 400, or a share such as 0.3"),
        ("--train", "0", "a number of rows such as 400, or a share such as 0.3"),
        ("--train", "600", "600 of 600 rows to learn from do not do"),
        ("--length", "long", "a number of rows such as 64, or auto"),
        ("--seeds", "0", "--seeds"),
    ],
)
def test_an_option_that_makes_no_sense_is_a_mistake_of_use(
    desk: Desk, table: Path, option: str, value: str, said: str
) -> None:
    result = desk.call("backtest", table, "-t", "datetime", option, value)
    assert (result.exit_code, result.stdout) == (2, "")
    assert said in result.stderr


@pytest.mark.parametrize("train", ["240", "0.4", "40%"])
def test_rows_to_learn_from_are_a_number_or_a_share(desk: Desk, table: Path, train: str) -> None:
    words = ("-t", "datetime", "--train", train, "--models", "always", "--no-controls")
    found = json.loads(desk.call("backtest", table, *words, "--json", "-").stdout)
    assert found["series"]["plant"]["train_rows"] == 240


def test_a_budget_that_cannot_be_is_a_mistake_of_the_settings(desk: Desk, table: Path) -> None:
    result = desk.call("backtest", table, "-t", "datetime", "--budget", "2")
    assert result.exit_code == 78
    assert "train.budget" in result.stderr


def test_where_there_is_too_little_to_learn_from_it_is_said_and_no_table_shown(
    desk: Desk, table: Path
) -> None:
    words = ("-t", "datetime", "--train", "20", "--length", "64")
    result = desk.call("backtest", table, *words)
    assert (result.exit_code, result.stdout) == (1, "")
    assert "first 20 rows hold no whole window of 64 slots" in result.stderr
    assert "(left out: default, pca)" in result.stderr


def test_a_file_that_is_too_short_does_not_spoil_the_others(desk: Desk, table: Path) -> None:
    short = desk.write("\n".join(table.read_text().splitlines()[:31]), "short.csv")
    words = ("-t", "datetime", "--train", "60%", "--models", "pca", "--no-controls")
    result = desk.call("backtest", table, short, *words, "--length", "24")
    assert result.exit_code == 0
    assert "short: its first 18 rows hold no whole window" in result.stderr
    assert "faults found" in result.stdout


@pytest.mark.parametrize("option", ["--json", "--report"])
@pytest.mark.parametrize(
    ("place", "said"),
    [
        ("nowhere/out", "cannot write there: No such file or directory"),
        ("/proc/out", "cannot write there: "),
        (".", "is a "),  # folder, or as typer says: directory
    ],
)
def test_where_nothing_can_be_written_it_is_said_before_anything_is_learned(
    desk: Desk, table: Path, option: str, place: str, said: str
) -> None:
    result = desk.call("backtest", table, "-t", "datetime", option, place)
    assert (result.exit_code, result.stdout) == (2, "")
    assert option in result.stderr
    assert said in result.stderr


@pytest.mark.parametrize("option", ["--json", "--report"])
def test_the_table_is_there_even_if_a_file_could_not_be_written(
    desk: Desk, table: Path, option: str
) -> None:
    words = ("--models", "always", "--no-controls", option, "/dev/full")
    result = desk.call("backtest", table, "-t", "datetime", *words)
    assert result.exit_code == 1
    assert "faults found" in result.stdout
    assert "cannot write /dev/full: No space left on device" in result.stderr
