import pytest

from desk import Desk


@pytest.mark.timeout(240)
def test_the_demo_ends_well_whatever_the_settings_here_are(desk: Desk) -> None:
    desk.write("[topics]\nreadings = 'mine'\nscores = 'also-mine'")
    told = desk.ask("demo", "--once")
    assert set(told) == {
        *("readings", "windows", "scores", "statuses", "alerts", "false_alerts", "webhooks"),
        *("models", "swaps", "seconds"),
    }
    assert told["windows"] == sum(told["statuses"].values())
    assert told["scores"] == told["statuses"]["ok"] > 0
    assert told["statuses"]["no_model"] > 0
    assert told["false_alerts"] == 0
    assert all(set(model) == {"version", "verdict", "why"} for model in told["models"])
    assert told["swaps"] >= 2, told["models"]
    assert told["webhooks"]["verified"] == told["webhooks"]["sent"] >= 2
    alert = told["alerts"][0]
    assert set(alert) == {
        *("id", "asset", "rule", "severity", "began_ns", "opened_ns", "resolved_ns"),
        *("fault_began_ns", "delay_s", "channels", "true_channels"),
    }
    assert alert["true_channels"][0] in alert["channels"]
    assert alert["fault_began_ns"] < alert["opened_ns"] < alert["resolved_ns"]
    assert [path.name for path in desk.folder.iterdir()] == ["tocsin.toml"]
