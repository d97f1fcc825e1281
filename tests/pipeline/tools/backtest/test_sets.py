import json
from pathlib import Path

import numpy as np
import pytest

from recordings import (
    FAULT_ROW,
    ROWS,
    SKAB_SENSORS,
    TRAIN_ROWS,
    machine,
    read_csv,
    real_recordings,
    write_sets,
)
from tocsin.core.profile import SECOND_NS
from tocsin.tools.backtest.names import SETS
from tocsin.tools.backtest.sets import Entry, find_sources, load_set


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write_sets(tmp_path)


def only(folder: Path, name: str) -> Entry:
    return load_set(folder, name, read_csv)[0]


def test_a_series_of_tsb_is_measured_on_every_row(folder: Path) -> None:
    entry = only(folder, "tsb-ad-m")

    assert (entry.first_row, entry.vus_window) == (0, 20)
    assert (entry.series.train_rows, entry.series.timed) == (TRAIN_ROWS, False)


@pytest.mark.parametrize(
    ("name", "period_s", "timed"), [("smd", 60, True), ("asd", 300, True), ("smap-msl", 1, False)]
)
def test_a_train_part_is_followed_by_the_rows_that_are_measured(
    folder: Path, name: str, period_s: int, *, timed: bool
) -> None:
    entry = only(folder, name)
    values, label = machine()

    assert entry.series.train_rows == entry.first_row == TRAIN_ROWS
    assert (entry.series.period_ns, entry.series.timed) == (period_s * SECOND_NS, timed)
    assert np.array_equal(entry.series.values, values)
    assert entry.series.label is not None
    assert np.array_equal(entry.series.label, label)


def test_the_missions_of_a_set_are_groups(folder: Path) -> None:
    assert [each.group for each in load_set(folder, "smap-msl", read_csv)] == ["MSL", "SMAP"]
    assert [each.group for each in load_set(folder, "smd", read_csv)] == [""]


def test_a_recording_of_skab_keeps_its_holes_and_its_rows(folder: Path) -> None:
    entry = only(folder, "skab")
    series = entry.series

    assert (series.name, entry.group) == ("valve1/0", "valve1")
    assert series.channels == SKAB_SENSORS
    assert series.train_rows == entry.first_row == 400
    steps = np.diff(series.time_ns) // SECOND_NS
    assert len(steps) == ROWS - 1
    assert (steps[99], int(steps.sum())) == (10, ROWS - 1 + 9)


def test_the_recording_without_a_fault_is_no_part_of_skab(folder: Path) -> None:
    assert [each.name for each in find_sources(folder, "skab")] == ["valve1/0", "valve1/1"]


def test_a_recording_of_nab_is_labelled_by_its_windows_with_both_their_ends(folder: Path) -> None:
    entry = only(folder, "nab")
    series = entry.series

    assert (series.name, entry.group) == ("real/pump", "real")
    assert series.period_ns == 300 * SECOND_NS
    assert series.train_rows == entry.first_row == 90  # 15 %
    assert series.label is not None
    assert np.flatnonzero(series.label).tolist() == list(range(FAULT_ROW, ROWS))
    assert (series.time_ns % series.period_ns == 0).all()


def test_a_run_of_tep_follows_the_plant_without_a_fault(folder: Path) -> None:
    normal, faulty = load_set(folder, "tep", read_csv)

    assert (normal.series.name, faulty.series.name) == ("d00_te", "d01_te")
    assert normal.series.label is not None
    assert not normal.series.label.any()
    assert faulty.series.label is not None
    assert faulty.series.label.argmax() == TRAIN_ROWS + 160
    assert faulty.first_row == TRAIN_ROWS


def test_a_set_that_nobody_knows_is_told_with_those_that_there_are(folder: Path) -> None:
    with pytest.raises(ValueError, match="skabb: there is no such set; choose from tsb-ad-m, smd"):
        find_sources(folder, "skabb")


def test_a_set_that_is_not_there_is_told(tmp_path: Path) -> None:
    for name in SETS:
        with pytest.raises(ValueError, match=f"{name}: there is no series"):
            load_set(tmp_path, name, read_csv)


def test_a_recording_without_its_labels_is_told(folder: Path) -> None:
    np.savez(folder / "smd" / "machine-1-1.npz", train=np.zeros((3, 1)), test=np.zeros((3, 1)))
    np.savez(folder / "tsb-ad-m" / "001_Pump.npz", x=np.zeros((3, 1)))
    (folder / "nab" / "windows.json").write_text(json.dumps({"real/other.csv": []}))

    with pytest.raises(ValueError, match=r"machine-1-1\.npz: expected .* label"):
        load_set(folder, "smd", read_csv)
    with pytest.raises(ValueError, match=r"001_Pump\.npz: expected .* label"):
        load_set(folder, "tsb-ad-m", read_csv)
    with pytest.raises(ValueError, match=r"windows\.json: it says nothing about real/pump\.csv"):
        load_set(folder, "nab", read_csv)


@pytest.mark.parametrize(
    ("head", "said"),
    [
        ("datetime;Pressure;changepoint", "no column 'anomaly'"),
        ("datetime;anomaly;changepoint", "no column of numbers to watch"),
        ("time;Pressure;anomaly;changepoint", "no column 'datetime'"),
    ],
)
def test_a_table_without_what_its_set_has_is_told(folder: Path, head: str, said: str) -> None:
    cells = ["0"] * head.count(";")
    lines = [";".join([f"2020-03-09 12:00:{second:02d}", *cells]) for second in range(60)]
    (folder / "skab" / "valve1" / "0.csv").write_text("\n".join([head, *lines, ""]))

    with pytest.raises(ValueError, match=rf"0\.csv: .*{said}"):
        load_set(folder, "skab", read_csv)


@pytest.mark.parametrize("text", ["", "[]", '{"real/pump.csv": [["soon", "later"]]}'])
def test_windows_that_are_none_are_told(folder: Path, text: str) -> None:
    (folder / "nab" / "windows.json").write_text(text)

    with pytest.raises(ValueError, match=r"windows\.json: "):
        load_set(folder, "nab", read_csv)


@pytest.mark.integration
def test_the_real_sets_are_what_they_are_said_to_be() -> None:
    folder = real_recordings()
    if not (folder / "nab" / "realKnownCause").is_dir():
        pytest.skip("there is no nab/realKnownCause among the recordings")
    found = {each.series.name: each for each in load_set(folder, "nab", read_csv)}

    machine_temperature = found["realKnownCause/machine_temperature_system_failure"]
    assert len(machine_temperature.series.values) == 22_695
    assert machine_temperature.first_row == 750  # 15 % of 5,000
    assert machine_temperature.series.label is not None
    assert int(machine_temperature.series.label.sum()) == 2_268
    ambient = found["realKnownCause/ambient_temperature_system_failure"]
    assert ambient.series.period_ns == 3_600 * SECOND_NS
