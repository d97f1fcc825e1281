import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from tocsin.core.rows import Rows


@given(st.lists(st.lists(st.integers(0, 300), max_size=20), max_size=10))
def test_every_asset_keeps_the_row_of_its_first_sight(batches: list[list[int]]) -> None:
    rows, expected = Rows(), dict[int, int]()
    for batch in batches:
        wanted = [expected.setdefault(asset, len(expected)) for asset in batch]
        assert rows.take(np.array(batch, np.int32)).tolist() == wanted
        assert rows.assets.tolist() == list(expected)
        assert len(rows) == len(expected)


def test_finding_gives_no_rows_away() -> None:
    rows = Rows()
    rows.take(np.array([7], np.int32))
    assert rows.find(np.array([7, 3, 5_000], np.int32)).tolist() == [0, -1, -1]
    assert rows.find(np.zeros(0, np.int32)).tolist() == []
    assert len(rows) == 1
