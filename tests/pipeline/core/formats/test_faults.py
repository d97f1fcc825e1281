import numpy as np
import pytest

from tocsin.core.formats.faults import Faults
from tocsin.core.formats.table import BadRow, Chunk, LeftOut

LEFT_OUT = (
    LeftOut("state", 90, 0, BadRow(2, "expected a number, found 'on'")),
    LeftOut("heat", 90, 70, BadRow(5, "expected a number, found 'ERR'")),
)


def chunk(rows: int, *bad: BadRow, left_out: tuple[LeftOut, ...] = ()) -> Chunk:
    times = np.arange(rows) * 1_000_000
    return Chunk(None, times, ("flow",), np.zeros((rows, 1)), bad, left_out=left_out)


def seen(*chunks: Chunk) -> Faults:
    faults = Faults()
    assert list(faults.watch(chunks)) == list(chunks)
    return faults


def cell(line: int, channel: str = "flow") -> BadRow:
    return BadRow(line, f"{channel}: expected a number, found 'x'", channel)


def test_a_table_that_is_read_whole_has_no_faults() -> None:
    faults = seen(chunk(5), chunk(5))

    faults.demand()
    assert not faults.warnings()
    assert not faults.quote()


def test_rows_and_cells_are_counted_with_the_first_of_each() -> None:
    faults = seen(
        chunk(50, cell(3), cell(3, "heat")),
        chunk(48, BadRow(60, "expected a time, found ''"), cell(60), cell(61), BadRow(62, "no")),
    )

    faults.demand()
    assert faults.warnings() == [
        "rows left out, as they cannot be read: 2 of 100; line 60: expected a time, found ''",
        f"cells not measured, as they cannot be read: 3 (flow 2, heat 1); {cell(3)}",
    ]
    assert faults.quote() == "line 3: flow: expected a number, found 'x', and 4 more like that"


def test_a_column_of_some_numbers_that_is_left_out_is_told_and_one_of_words_is_not() -> None:
    (said,) = seen(chunk(90, left_out=LEFT_OUT)).warnings()

    why = "column 'heat' is left out: 20 of the first 90 cells are no numbers; line 5: expected"
    assert said.startswith(why)


def test_many_channels_are_not_all_named() -> None:
    (said,) = seen(chunk(90, *(cell(line, f"c{line}") for line in range(2, 10)))).warnings()

    assert "8 (c2 1, c3 1, c4 1, c5 1, c6 1, and 3 more channels)" in said


@pytest.mark.parametrize(("bad", "refused"), [(10, False), (11, True)])
def test_a_tenth_of_the_lines_may_be_bad(bad: int, refused: bool) -> None:  # noqa: FBT001
    lost = chunk(100 - bad, *(BadRow(line, "no") for line in range(bad)))
    torn = chunk(100, *(cell(line) for line in range(bad)))

    for faults in (seen(lost), seen(torn)):
        if refused:
            with pytest.raises(ValueError, match=r"line 0: .*, and 10 more like that; is this"):
                faults.demand()
        else:
            faults.demand()


def test_a_table_without_rows_is_refused() -> None:
    for faults in (seen(), seen(chunk(0))):
        with pytest.raises(ValueError, match="there is no row in it"):
            faults.demand()


@pytest.mark.parametrize(("step_ns", "said"), [(0, 0), (11_574, 1), (999_999, 1), (1_000_000, 0)])
def test_rows_less_than_a_millisecond_apart_are_doubtful(step_ns: int, said: int) -> None:
    def table(asset: tuple[str, ...] | None) -> Chunk:
        return Chunk(asset, np.arange(9) * step_ns, ("a",), np.zeros((9, 1)))

    assert len(seen(table(None)).warnings()) == said
    assert not seen(table(("p",) * 9)).warnings()  # of several assets by turns, perhaps
