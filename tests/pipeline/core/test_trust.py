import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from tocsin.core.trust import STILL_OPEN, Alerts, Doubt, Judged, Trust, weigh

MARGIN_NS = 10

Window = tuple[int, int]  # asset, end_ns
Alert = tuple[int, int, int]  # asset, began_ns, resolved_ns


def weighed(
    windows: list[Window], scores: list[tuple[int, int, float]], alerts: list[Alert]
) -> Trust:
    asset, end_ns = np.array(windows, np.int64).reshape(-1, 2).T
    said = np.array(scores, np.float64).reshape(-1, 3)
    rung = np.array(alerts, np.int64).reshape(-1, 3)
    return weigh(
        asset.astype(np.int32),
        end_ns,
        Judged(said[:, 0].astype(np.int32), said[:, 1].astype(np.int64), said[:, 2]),
        Alerts(rung[:, 0].astype(np.int32), rung[:, 1], rung[:, 2]),
        MARGIN_NS,
    )


def calm(*windows: Window) -> list[tuple[int, int, float]]:
    return [(asset, end_ns, 0.5) for asset, end_ns in windows]


def test_a_window_below_the_limit_is_trusted_and_one_at_the_limit_is_not() -> None:
    trust = weighed([(0, 1), (0, 2), (0, 3)], [(0, 1, 0.999), (0, 2, 1.0), (0, 3, 7.0)], [])
    assert trust.trusted.tolist() == [True, False, False]
    assert trust.left_out == {Doubt.NEAR_ALERT: 0, Doubt.ABOVE_LIMIT: 2, Doubt.UNJUDGED: 0}


def test_a_window_without_a_score_is_not_trusted() -> None:
    windows = [(0, 1), (0, 2), (1, 1), (1, 2)]
    trust = weighed(windows, [(0, 1, 0.5), (0, 2, np.nan), (1, 3, 0.5)], [])
    assert trust.trusted.tolist() == [True, False, False, False]
    assert trust.left_out[Doubt.UNJUDGED] == 3


def test_a_score_counts_only_for_its_own_asset_and_time() -> None:
    trust = weighed([(0, 2), (1, 1)], calm((0, 1), (1, 2)), [])
    assert not trust.trusted.any()


def test_of_two_scores_of_one_window_the_later_counts() -> None:
    trust = weighed([(0, 1), (0, 2)], [(0, 1, 2.0), (0, 2, 0.5), (0, 1, 0.5), (0, 2, 2.0)], [])
    assert trust.trusted.tolist() == [True, False]


def test_an_alert_reaches_a_margin_beyond_both_its_ends() -> None:
    windows = [(0, end_ns) for end_ns in (39, 40, 50, 55, 60, 70, 71)]
    trust = weighed(windows, calm(*windows), [(0, 50, 60)])
    assert trust.trusted.tolist() == [True, False, False, False, False, False, True]
    assert trust.left_out[Doubt.NEAR_ALERT] == 5


def test_an_open_alert_reaches_to_the_end() -> None:
    windows = [(0, 39), (0, 40), (0, 10**18)]
    trust = weighed(windows, calm(*windows), [(0, 50, STILL_OPEN)])
    assert trust.trusted.tolist() == [True, False, False]


def test_an_alert_reaches_no_other_asset() -> None:
    windows = [(0, 50), (1, 50), (2, 50)]
    trust = weighed(windows, calm(*windows), [(1, 50, 60)])
    assert trust.trusted.tolist() == [True, False, True]


def test_a_window_counts_for_one_reason_only() -> None:
    trust = weighed([(0, 50), (0, 52)], [(0, 50, 3.0)], [(0, 50, 60), (0, 52, 54)])
    assert trust.left_out == {Doubt.NEAR_ALERT: 2, Doubt.ABOVE_LIMIT: 0, Doubt.UNJUDGED: 0}


def test_no_windows_are_no_trouble() -> None:
    assert weighed([], calm((0, 1)), [(0, 1, 2)]).trusted.tolist() == []


ASSETS = st.integers(0, 3)
TIMES = st.integers(0, 60)
ALERTS = st.tuples(ASSETS, TIMES, st.integers(0, 30) | st.just(STILL_OPEN)).map(
    lambda each: (each[0], each[1], min(each[1] + each[2], STILL_OPEN))
)


@settings(deadline=None, max_examples=200)
@given(
    st.lists(st.tuples(ASSETS, TIMES), unique=True, max_size=40),
    st.lists(st.tuples(ASSETS, TIMES, st.sampled_from((0.3, 0.99, 1.0, 4.0))), max_size=60),
    st.lists(ALERTS, max_size=5),
)
def test_it_says_what_a_look_at_each_window_alone_would(
    windows: list[Window], scores: list[tuple[int, int, float]], alerts: list[Alert]
) -> None:
    known = {(asset, end_ns): score for asset, end_ns, score in scores}
    expected = []
    for asset, end_ns in windows:
        near = any(
            asset == whose and began - MARGIN_NS <= end_ns <= resolved + MARGIN_NS
            for whose, began, resolved in alerts
        )
        expected.append(not near and known.get((asset, end_ns), 9.0) < 1.0)
    trust = weighed(windows, scores, alerts)
    assert trust.trusted.tolist() == expected
    assert sum(trust.left_out.values()) == expected.count(False)
