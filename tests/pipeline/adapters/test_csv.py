import math
import os
from pathlib import Path

import numpy as np
import pytest

from tocsin.adapters.csv import TableFormat, read_table
from tocsin.core.formats.table import Chunk, find_span

NS = 1_581_168_647 * 10**9


def write(folder: Path, text: str | bytes) -> Path:
    path = folder / "table.csv"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def read(path: Path, form: TableFormat) -> Chunk:
    (chunk,) = read_table(path, form)
    return chunk


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_the_delimiter_is_found(tmp_path: Path, delimiter: str, newline: str) -> None:
    text = "time,temp,site\n2020-02-08 13:30:47,1.5,a\n2020-02-08 13:30:48,2.5,b\n"
    text = text.replace(",", delimiter).replace("\n", newline)
    chunk = read(write(tmp_path, text), TableFormat("time"))
    assert chunk.asset is None
    assert chunk.time_ns.tolist() == [NS, NS + 10**9]
    assert chunk.channels == ("temp",)
    assert chunk.values.tolist() == [[1.5], [2.5]]
    assert not chunk.bad
    assert chunk.share == 1.0


def test_empty_and_missing_words_are_not_measured_and_no_fault(tmp_path: Path) -> None:
    cells = ["1", "", "NaN", "nan", "null", " NA ", "2"]
    text = "t,a,b\n" + "".join(f"{1_600_000_000 + i},{cell},1\n" for i, cell in enumerate(cells))
    chunk = read(write(tmp_path, text), TableFormat("t"))
    assert np.isnan(chunk.values[:, 0]).tolist() == [False, True, True, True, True, True, False]
    assert not chunk.bad


def test_what_cannot_be_read_is_reported_with_its_line_and_the_rest_stands(tmp_path: Path) -> None:
    text = (
        "time,asset,a,b\n"
        "2020-02-08 13:30:47,P1,1,2\n"
        "\n"
        "yesterday,P1,1,2\n"
        "2020-02-08 13:30:48,P1,1\n"
        "2020-02-08 13:30:49,,1,2\n"
        "2020-02-08 13:30:50,P2,warm,2\n"
        "2020-02-08 13:30:51,P2,inf,1_0\n"
    )
    form = TableFormat("time", asset_column="asset", channels=("a", "b"))
    chunk = read(write(tmp_path, text), form)
    assert chunk.asset == ("P1", "P2", "P2")
    assert chunk.time_ns.tolist() == [NS, NS + 3 * 10**9, NS + 4 * 10**9]
    assert repr(chunk.values.tolist()) == "[[1.0, 2.0], [nan, 2.0], [nan, nan]]"
    assert [row.line for row in chunk.bad] == [4, 5, 6, 7, 8, 8]
    assert "yesterday" in chunk.bad[0].detail


def test_a_missing_column_is_named_with_the_nearest_and_all_there_are(tmp_path: Path) -> None:
    path = write(tmp_path, "timestamp;Temp\n1;2\n")
    with pytest.raises(ValueError, match=r"'timestmp'; did you mean 'timestamp'.*'Temp'"):
        read_table(path, TableFormat("timestmp"))
    with pytest.raises(ValueError, match=r"'temp'; did you mean 'Temp'"):
        read_table(path, TableFormat("timestamp", channels=("temp",)))
    with pytest.raises(ValueError, match="no column"):
        read_table(write(tmp_path, ""), TableFormat("time"))
    with pytest.raises(ValueError, match="twice"):
        read_table(write(tmp_path, "time,time\n"), TableFormat("time"))


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-be"])
def test_text_as_spreadsheets_call_unicode_is_read(tmp_path: Path, encoding: str) -> None:
    rows = "".join(f"{1_600_000_000 + row}\t{row},5\r\n" for row in range(9_000))
    mark = b"" if encoding == "utf-16" else b"\xfe\xff"
    path = write(tmp_path, mark + ("time\tTemp °C\r\n" + rows).encode(encoding))
    chunk = read(path, TableFormat("time"))
    assert chunk.channels == ("Temp °C",)
    assert chunk.values[:, 0].tolist() == [row + 0.5 for row in range(9_000)]
    assert not chunk.bad


@pytest.mark.parametrize(
    "content", [b"PK\x03\x04-\0\0train.npy", b"\x93NUMPY\x01\0", "time,a\n".encode("utf-16-le")]
)
def test_what_is_no_text_is_refused_without_quoting_it(tmp_path: Path, content: bytes) -> None:
    with pytest.raises(ValueError, match=r"^table\.csv: this is no CSV file; save .* in UTF-8$"):
        read_table(write(tmp_path, content), TableFormat("time"))


def test_two_columns_of_one_name_are_told_unless_they_are_ignored(tmp_path: Path) -> None:
    path = write(tmp_path, "time,a,b,a\n1600000000,1,2,3\n")
    with pytest.raises(ValueError, match="column 'a' stands there twice"):
        read_table(path, TableFormat("time"))
    assert read(path, TableFormat("time", ignore=("a",))).channels == ("b",)
    assert read(path, TableFormat("time", channels=("b",))).channels == ("b",)


def test_what_is_ignored_has_to_be_there(tmp_path: Path) -> None:
    path = write(tmp_path, "time,flow\n")
    with pytest.raises(ValueError, match=r"no column 'flaw'; did you mean 'flow'.*'time', 'flow'"):
        read_table(path, TableFormat("time", ignore=("flaw",)))


def test_columns_that_hold_words_or_are_ignored_are_no_channels(tmp_path: Path) -> None:
    text = "time,line,label,a,b,\n1600000000,north,1,2,,3\n1600000001,south,0,2,,3\n"
    chunk = read(write(tmp_path, text), TableFormat("time", ignore=("label",)))
    assert chunk.channels == ("a", "b")


def test_a_word_in_a_hundred_numbers_does_not_take_the_channel_away(tmp_path: Path) -> None:
    cells = ["1"] * 89 + ["", "Bad Input"]
    text = "time,a\n" + "".join(f"{1_600_000_000 + i},{cell}\n" for i, cell in enumerate(cells))
    chunk = read(write(tmp_path, text), TableFormat("time"))
    assert chunk.channels == ("a",)
    assert np.isnan(chunk.values[:, 0]).nonzero()[0].tolist() == [89, 90]
    assert [(row.line, row.channel) for row in chunk.bad] == [(92, "a")]
    assert not chunk.left_out


@pytest.mark.parametrize(("words", "channels"), [(1, ("a",)), (2, ())])
def test_a_channel_has_a_number_in_nine_of_ten_cells_that_say_something(
    tmp_path: Path, words: int, channels: tuple[str, ...]
) -> None:
    cells = ["", "x", "y"][: 1 + words] + ["1"] * (10 - words) + [""] * 30
    text = "time,a\n" + "".join(f"{1_600_000_000 + i},{cell}\n" for i, cell in enumerate(cells))
    chunk = read(write(tmp_path, text), TableFormat("time"))
    assert chunk.channels == channels
    assert [(each.name, each.cells, each.numbers, each.first.line) for each in chunk.left_out] == (
        [] if channels else [("a", 10, 8, 3)]
    )


def test_a_column_of_yes_and_no_holds_flags(tmp_path: Path) -> None:
    text = "time,a,b,c\n1600000000,True,yes,on\n1600000001, FALSE,,off\nx,true,no,on\n"
    chunk = read(write(tmp_path, text), TableFormat("time"))
    assert chunk.channels == ()
    assert {name: repr(cells.tolist()) for name, cells in chunk.flags.items()} == {
        "a": "[1.0, 0.0]",
        "b": "[1.0, nan]",
    }
    assert [each.name for each in chunk.left_out] == ["c"]


def test_a_comma_is_a_decimal_point_where_it_does_not_part_cells(tmp_path: Path) -> None:
    text = 'time;a;b\n1600000000;1,5;"2,5"\n'
    assert read(write(tmp_path, text), TableFormat("time")).values.tolist() == [[1.5, 2.5]]


def test_quotes_marks_and_old_encodings_are_read(tmp_path: Path) -> None:
    marked = b'\xef\xbb\xbf"time","Temp, top"\n1600000000,"3"\n'
    assert read(write(tmp_path, marked), TableFormat("time")).channels == ("Temp, top",)
    windows = "time;Temp °C\n1600000000;3\n".encode("cp1252")
    assert read(write(tmp_path, windows), TableFormat("time")).channels == ("Temp °C",)
    huge = 'time,a\n1600000000,"' + "x" * 200_000 + '"\n1600000001,1\n'
    chunk = read(write(tmp_path, huge), TableFormat("time"))
    assert chunk.values.tolist() == [[1.0]]
    assert [row.detail for row in chunk.bad] == ["expected a row of cells"]


def test_a_long_file_comes_in_chunks_that_are_the_same_rows(tmp_path: Path) -> None:
    text = "time,a\n" + "".join(f"{1_600_000_000 + i},{i}\n" for i in range(2_500))
    path = write(tmp_path, text)
    chunks = list(read_table(path, TableFormat("time", chunk_rows=1_000)))
    assert [len(chunk) for chunk in chunks] == [1_000, 1_000, 500]
    assert np.concatenate([chunk.values[:, 0] for chunk in chunks]).tolist() == list(range(2_500))
    assert chunks[-1].share == 1.0
    span = find_span(read_table(path, TableFormat("time", chunk_rows=1_000)))
    assert span == (1_600_000_000 * 10**9, 1_600_002_499 * 10**9)


def test_the_first_rows_come_with_what_is_bad_before_them(tmp_path: Path) -> None:
    times = ["1600000000", "yesterday", "1600000001", "tomorrow", "1600000002"]
    text = "time,asset,a\n" + "".join(f"{time},p{at},{at}\n" for at, time in enumerate(times))
    chunk = read(write(tmp_path, text), TableFormat("time", asset_column="asset"))
    head = chunk.head(2)
    assert (head.asset, head.values.tolist(), len(head)) == (("p0", "p2"), [[0.0], [2.0]], 2)
    assert (list(head.lines), [bad.line for bad in head.bad]) == ([2, 4], [3])
    assert chunk.head(3) is chunk


def test_a_file_without_rows_has_no_chunks(tmp_path: Path) -> None:
    assert not list(read_table(write(tmp_path, "time,a\n"), TableFormat("time")))
    assert find_span([]) is None


@pytest.fixture
def recordings() -> Path:
    folder = os.environ.get("TOCSIN_TEST_DATA")
    if folder is None:
        pytest.skip("TOCSIN_TEST_DATA does not name a folder with real recordings")
    return Path(folder)


@pytest.mark.integration
def test_every_skab_recording_is_read_whole(recordings: Path) -> None:
    paths = sorted((recordings / "skab").glob("*/*.csv"))
    assert paths
    for path in paths:
        labels = () if path.parent.name == "anomaly-free" else ("anomaly", "changepoint")
        chunk = read(path, TableFormat("datetime", ignore=labels))
        assert len(chunk.channels) == 8
        assert len(chunk) == sum(1 for line in path.read_text().splitlines() if line) - 1
        assert np.isfinite(chunk.values).all()
        assert not chunk.bad


@pytest.mark.integration
def test_other_recordings_are_read_whole(recordings: Path) -> None:
    nab = sorted((recordings / "nab").glob("*/*.csv"))
    assert nab
    for path in nab:
        chunk = read(path, TableFormat("timestamp", chunk_rows=10**6))
        assert chunk.channels == ("value",)
        assert not chunk.bad
    bearings = read(recordings / "ims" / "test2.csv", TableFormat(""))
    assert bearings.channels == ("Bearing 1", "Bearing 2", "Bearing 3", "Bearing 4")
    assert math.isclose(bearings.values[0, 0], 0.05833287758191319)
    assert len(bearings) == 984
