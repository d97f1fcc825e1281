from pathlib import Path
from typing import Any

import numpy as np
import pytest

from recordings import read_csv
from tocsin.core.profile import SECOND_NS
from tocsin.tools.backtest.columns import UNTIMED_START_NS, lay_on_grid
from tocsin.tools.backtest.loaders import LoadPolicy, load_file

POLICY = LoadPolicy(read_csv)
SHORT, WORD = "line 9: expected 3 cells, found 1", "line 32: flow: expected a number, found 'ERR'"
MORNING_NS = 1_577_872_800 * SECOND_NS  # 2020-01-01 10:00:00 UTC


def table(folder: Path, *lines: str, head: str = "time,flow,anomaly") -> Path:
    path = folder / "pump.csv"
    path.write_text("\n".join([head, *lines, ""]))
    return path


def flowing(rows: int, *, begin: int = 0, label: int = 0) -> list[str]:
    """Return lines of a table, one every two seconds from ten o'clock on."""
    moments = (begin + 2 * row for row in range(rows))
    return [f"2020-01-01 10:{s // 60:02d}:{s % 60:02d},{s}.5,{label}" for s in moments]


def archive(folder: Path, **arrays: Any) -> Path:
    path = folder / "pump.npz"
    np.savez(path, **arrays)
    return path


def test_a_table_is_a_series_with_its_times_and_labels(tmp_path: Path) -> None:
    path = table(tmp_path, *flowing(6), *flowing(4, begin=12, label=1))

    series = load_file(path, LoadPolicy(read_csv, train_share=0.5))

    assert (series.name, series.channels) == ("pump", ("flow",))
    assert series.values[:, 0].tolist() == [second + 0.5 for second in range(0, 20, 2)]
    assert series.label is not None
    assert series.label.tolist() == [False] * 6 + [True] * 4
    assert (series.train_rows, series.timed) == (5, True)
    assert series.period_ns == 2 * SECOND_NS
    assert series.time_ns.tolist() == [
        MORNING_NS + second * SECOND_NS for second in range(0, 20, 2)
    ]


def test_labels_are_optional_and_may_have_any_name(tmp_path: Path) -> None:
    plain = load_file(table(tmp_path, *flowing(4), head="time,flow,level"), POLICY)
    named = LoadPolicy(read_csv, label_column="level")
    labelled = load_file(table(tmp_path, *flowing(4), head="time,flow,level"), named)

    assert (plain.channels, plain.label) == (("flow", "level"), None)
    assert labelled.channels == ("flow",)
    assert labelled.label is not None


@pytest.mark.parametrize("words", ["True False", "no yes", "TRUE fAlse"])
def test_labels_may_be_words(tmp_path: Path, words: str) -> None:
    said = words.split()
    lines = [f"{line.rpartition(',')[0]},{said[row == 3]}" for row, line in enumerate(flowing(4))]
    usual = load_file(table(tmp_path, *lines), POLICY)
    named = LoadPolicy(read_csv, label_column="fault")
    other = load_file(table(tmp_path, *lines, head="time,flow,fault"), named)

    abnormal = said[0].lower() == "true"
    for series in (usual, other):
        assert series.channels == ("flow",)
        assert series.label is not None
        assert series.label.tolist() == [abnormal] * 3 + [not abnormal]
        assert not series.notes


def test_labels_that_cannot_be_read_are_told(tmp_path: Path) -> None:
    lines = [f"{line[:-1]}fine" for line in flowing(4)]

    series = load_file(table(tmp_path, *lines), POLICY)

    assert series.label is None
    (said,) = series.notes
    assert "column 'anomaly' holds no labels, which are 0 and 1, true and false" in said
    assert said.endswith("line 2: expected a number, found 'fine'; it is left out")
    with pytest.raises(ValueError, match="column 'anomaly' holds no labels"):
        load_file(table(tmp_path, *lines), LoadPolicy(read_csv, label_column="anomaly"))


def test_changes_are_no_channel(tmp_path: Path) -> None:
    path = table(tmp_path, *flowing(4), head="time,flow,changepoint")

    assert load_file(path, POLICY).channels == ("flow",)


def test_labels_that_are_not_used_are_no_channel_either(tmp_path: Path) -> None:
    lines = [f"{line},1,0,True" for line in flowing(4)]
    path = table(tmp_path, *lines, head="time,flow,anomaly,fault,Label,abnormal")

    usual = load_file(path, POLICY)
    named = load_file(path, LoadPolicy(read_csv, label_column="fault"))

    assert (usual.channels, named.channels) == (("flow", "fault"), ("flow",))
    told = [said.partition(": ")[2] for said in named.notes]
    assert told == [
        f"column {name!r} is left out: the labels are those in 'fault'"
        for name in ("anomaly", "Label", "abnormal")
    ]
    assert len(usual.notes) == 2


def test_a_cell_that_is_no_number_was_not_measured(tmp_path: Path) -> None:
    lines = flowing(40)
    lines[30] = lines[30].replace("60.5", "")

    values = load_file(table(tmp_path, *lines), POLICY).values[:, 0]

    assert np.flatnonzero(np.isnan(values)).tolist() == [30]


def test_a_word_among_numbers_is_told_and_the_channel_stays(tmp_path: Path) -> None:
    lines = flowing(40)
    lines[30] = lines[30].replace("60.5", "ERR")
    lines[7] = "gone"

    series = load_file(table(tmp_path, *lines), POLICY)

    assert series.channels == ("flow",)
    assert np.isnan(series.values[:, 0]).sum() == 1
    rows, cells = series.notes
    assert rows.endswith("pump.csv: rows left out, as they cannot be read: 1 of 40; " + SHORT)
    assert cells.endswith("cells not measured, as they cannot be read: 1 (flow 1); " + WORD)


def test_a_channel_that_is_half_words_is_left_out_and_told(tmp_path: Path) -> None:
    lines = [f"{line},{'ERR' if row % 2 else row}" for row, line in enumerate(flowing(40))]

    series = load_file(table(tmp_path, *lines, head="time,flow,anomaly,heat"), POLICY)

    assert series.channels == ("flow",)
    assert len(series.notes) == 1
    assert "column 'heat' is left out: 20 of the first 40 cells" in series.notes[0]


def test_a_table_of_which_all_is_left_out_says_why(tmp_path: Path) -> None:
    lines = [f"2020-01-01 10:00:{row},{'ERR' if row % 2 else row}" for row in range(10, 50)]

    with pytest.raises(ValueError, match=r"'flow' is left out: 20(.|\n)*no column of numbers"):
        load_file(table(tmp_path, *lines, head="time,flow"), POLICY)


def test_a_train_and_a_test_part_follow_each_other(tmp_path: Path) -> None:
    train, test = np.zeros((5, 2)), np.ones((4, 2))
    path = archive(tmp_path, train=train, test=test, label=np.array([0, 1, 0, 0], np.uint8))

    series = load_file(path, POLICY)

    assert series.values[:, 1].tolist() == [0] * 5 + [1] * 4
    assert series.label is not None
    assert np.flatnonzero(series.label).tolist() == [6]
    assert (series.train_rows, series.channels) == (5, ("c1", "c2"))


def test_rows_alone_have_neither_labels_nor_times(tmp_path: Path) -> None:
    series = load_file(archive(tmp_path, x=np.zeros((10, 12), np.float32)), POLICY)

    assert (series.train_rows, series.label, series.timed) == (3, None, False)
    assert (series.channels[0], series.channels[-1]) == ("c01", "c12")
    assert series.time_ns[0] == UNTIMED_START_NS
    assert series.period_ns == SECOND_NS


def test_a_file_says_what_is_to_learn_from_unless_somebody_else_does(tmp_path: Path) -> None:
    path = archive(tmp_path, x=np.zeros((10, 1)), train_rows=4)

    assert load_file(path, POLICY).train_rows == 4
    assert load_file(path, LoadPolicy(read_csv, train_rows=7)).train_rows == 7


def test_a_period_that_is_told_makes_a_series_timed(tmp_path: Path) -> None:
    policy = LoadPolicy(read_csv, period_ns=60 * SECOND_NS)

    series = load_file(archive(tmp_path, x=np.zeros(10)), policy)

    assert series.timed
    assert np.diff(series.time_ns).tolist() == [60 * SECOND_NS] * 9
    assert (series.time_ns % series.period_ns == 0).all()


def test_what_is_not_finite_was_not_measured(tmp_path: Path) -> None:
    path = archive(tmp_path, x=np.array([0, np.inf, -np.inf, np.nan, 1.0]))

    assert np.isnan(load_file(path, POLICY).values[:, 0]).tolist() == [0, 1, 1, 1, 0]


@pytest.mark.parametrize(
    ("times", "slots"),
    [
        ([100, 105, 110], [10, 11, 12]),  # two readings in a slot: the second waits
        ([100, 110, 111, 112, 150, 160], [10, 11, 12, 13, 15, 16]),  # and a hole sets it right
        ([100, 110, 120, 90, 100], [10, 11, 12, 13, 14]),  # a clock was put back
        ([107, 119, 130], [10, 11, 13]),  # a hole stays one
    ],
)
def test_every_row_has_a_slot_of_its_own_in_the_order_of_the_file(
    times: list[int], slots: list[int]
) -> None:
    assert (lay_on_grid(np.array(times, np.int64), 10) // 10).tolist() == slots


OBJECTS = np.array([{"code": "runs"}], dtype=object)


@pytest.mark.parametrize(
    ("arrays", "said"),
    [
        ({"y": np.zeros(3)}, "no array 'train' in it, but y"),
        ({"train": np.zeros((3, 2)), "test": np.zeros((3, 1))}, "train has 2 channels"),
        ({"train": np.zeros(3), "test": np.zeros(3), "label": np.zeros(4)}, "each of 3 rows"),
        ({"x": np.zeros(3), "label": np.array([0, 1, 2])}, "nothing but 0 and 1"),
        ({"x": np.zeros((2, 2, 2))}, r"must be numbers \[rows, channels\], and is float64"),
        ({"x": np.array(["a", "b"])}, "must be numbers"),
        ({"x": np.zeros((0, 3))}, "must be numbers"),
        ({"x": np.zeros(3), "train_rows": 0.5}, "whole number"),
        ({"x": np.zeros(3), "train_rows": 3}, "choose from 1 to 2"),
    ],
)
def test_arrays_that_do_not_do_are_told_with_the_file(
    tmp_path: Path, arrays: dict[str, Any], said: str
) -> None:
    with pytest.raises(ValueError, match=rf"pump\.npz: .*{said}"):
        load_file(archive(tmp_path, **arrays), POLICY)


def test_an_archive_of_objects_is_not_opened(tmp_path: Path) -> None:
    path = archive(tmp_path, x=OBJECTS)

    with pytest.raises(ValueError, match=r"pump\.npz: .*Object arrays cannot be loaded"):
        load_file(path, POLICY)


@pytest.mark.parametrize("content", [b"", b"time,flow\n", b"PK\x03\x04 and then nothing"])
def test_a_file_that_is_no_archive_is_told(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "pump.npz"
    path.write_bytes(content)

    with pytest.raises(ValueError, match=r"pump\.npz: "):
        load_file(path, POLICY)


def test_an_array_alone_is_no_archive(tmp_path: Path) -> None:
    np.save(tmp_path / "pump.npy", np.zeros(3))
    path = (tmp_path / "pump.npy").rename(tmp_path / "pump.npz")

    with pytest.raises(ValueError, match=r"pump\.npz: this is no npz file"):
        load_file(path, POLICY)


@pytest.mark.parametrize("name", ["gone.npz", "gone.csv"])
def test_a_file_that_is_not_there_is_told(tmp_path: Path, name: str) -> None:
    with pytest.raises(ValueError, match=rf"{name}: No such file"):
        load_file(tmp_path / name, POLICY)


@pytest.mark.parametrize(
    ("head", "lines", "said"),
    [
        ("time,flow", [], "no row"),
        ("time,place", ["2020-01-01 10:00:00,here", "2020-01-01 10:00:01,there"], "to watch"),
        ("when,flow", ["2020-01-01 10:00:00,1"], "no column 'time'"),
        ("time,flow", ["2020-01-01 10:00:00,1"], "times stand still"),
        ("time,flow", ["2020-01-01 10:00:00,1"] * 9, "times stand still"),
        ("time,flow", ["2020-01-01 10:00:09,1", "2020-01-01 10:00:00,1"] * 9, "go back"),
        ("time,flow", ["yesterday,1", "2020-01-01 10:00:01,1"], "line 2: expected a time"),
    ],
)
def test_a_table_that_does_not_do_is_told_with_the_file(
    tmp_path: Path, head: str, lines: list[str], said: str
) -> None:
    with pytest.raises(ValueError, match=rf"pump\.csv: .*{said}") as caught:
        load_file(table(tmp_path, *lines, head=head), POLICY)
    assert str(caught.value).count("pump.csv") == 1


def test_labels_that_are_none_are_told_with_the_file(tmp_path: Path) -> None:
    path = table(tmp_path, *flowing(4, label=7))

    with pytest.raises(ValueError, match=r"pump\.csv: column 'anomaly' must hold nothing but"):
        load_file(path, POLICY)
    with pytest.raises(ValueError, match=r"pump\.csv: there is no column 'fault'.*'flow'"):
        load_file(path, LoadPolicy(read_csv, label_column="fault"))


@pytest.mark.parametrize("wrong", [{"train_share": 1.0}, {"train_rows": 0}, {"period_ns": 0}])
def test_a_policy_that_cannot_be_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="loading: "):
        LoadPolicy(read_csv, **wrong)
