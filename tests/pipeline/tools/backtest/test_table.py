import json
import re
from pathlib import Path
from typing import Any

import msgspec
import pytest
from jsonschema import Draft202012Validator

from tocsin.tools.backtest.jobs import Plan, Result
from tocsin.tools.backtest.markdown import write_tables
from tocsin.tools.backtest.model import ReplayPolicy
from tocsin.tools.backtest.names import MODELS, SETS
from tocsin.tools.backtest.protocols import MEASURES, Worth
from tocsin.tools.backtest.table import tabulate
from tocsin_models.metrics import EventTally, RowCounts

PAPER = Path(__file__).parents[4] / "docs" / "benchmark.md"

NUMBER = {"type": ["number", "null"]}


def named(names: Any, inner: Any, **more: Any) -> dict[str, Any]:
    keys = {"propertyNames": {"enum": list(names)}} if names else {}
    return {"type": "object", "additionalProperties": inner, **keys, **more}


MEASURE = {
    "type": "object",
    "properties": {"mean": NUMBER, "se": NUMBER, "series": named((), NUMBER)},
    "required": ["mean", "se", "series"],
    "additionalProperties": False,
}
WORDS = {"type": "string", "minLength": 1}
FAILURE = {
    "type": "object",
    "properties": {
        "set": WORDS,
        "series": WORDS,
        "model": WORDS,
        "seed": {"type": "integer"},
        "reason": WORDS,
    },
    "required": ["set", "series", "model", "seed", "reason"],
    "additionalProperties": False,
}
TIMES = ("runs", "rows", "fit_s", "judge_s", "took_s", "unknown")
FORM = {
    "type": "object",
    "properties": {
        "settings": {"type": "object"},
        "seeds": {"type": "array", "items": {"type": "integer"}, "minItems": 1},
        "sets": named(SETS, named(MODELS, named(MEASURES, MEASURE))),
        "pooled": named(SETS, named(MODELS, named((), named(MEASURES, NUMBER), required=["all"]))),
        "times": named(SETS, named(MODELS, named(TIMES, {"type": "number"}, required=TIMES))),
        "failures": {"type": "array", "items": FAILURE},
    },
    "required": ["settings", "seeds", "sets", "pooled", "times", "failures"],
    "additionalProperties": False,
}


def found(
    series: str,
    seed: int = 0,
    *,
    auc: float | None = 0.5,
    causal: RowCounts | None = None,
    group: str = "",
    set_name: str = "smd",
    model: str = "default",
    official: RowCounts | None = None,
    events: EventTally | None = None,
) -> Result:
    measures = {"auc_pr": auc, "f1_causal": None, "far_causal": 0.25, "delay_s": 61.234}
    if official is not None:
        measures |= {"f1_official": official.f1, "far_official": official.false_alarm_rate}
    counts, tally = causal or RowCounts(), events or EventTally()
    worth = Worth(measures, official, counts, tally, unknown=0.125)
    return Result("", set_name, series, group, model, seed, worth, "", 100, 2, 1, 4)


def failed(series: str, seed: int = 0) -> Result:
    return Result("", "smd", series, "", "default", seed, None, "no | room\nleft", 0, 0, 0, 0)


def table(*results: Result) -> dict[str, Any]:
    """Return what JSON makes of the table."""
    raw = msgspec.json.encode(tabulate(results, {"recipe": {}}, [0, 1]))
    plain: dict[str, Any] = json.loads(raw)
    Draft202012Validator(FORM).validate(plain)
    return plain


def test_a_mean_is_over_series_of_their_means_over_seeds() -> None:
    said = table(found("a", 0, auc=0.2), found("a", 1, auc=0.4), found("b", 0, auc=0.9))
    measure = said["sets"]["smd"]["default"]["auc_pr"]

    assert measure["series"] == pytest.approx({"a": 0.3, "b": 0.9})
    assert measure["mean"] == pytest.approx(0.6)
    assert measure["se"] == pytest.approx(0.3)  # of 0.3 and 0.9


def test_what_cannot_be_said_is_null_and_in_no_mean() -> None:
    said = table(found("a", 0, auc=None), found("a", 1, auc=0.4), found("b", auc=None))
    measures = said["sets"]["smd"]["default"]

    assert measures["auc_pr"]["series"] == {"a": 0.4, "b": None}
    assert (measures["auc_pr"]["mean"], measures["auc_pr"]["se"]) == (0.4, None)
    assert measures["f1_causal"] == {"mean": None, "se": None, "series": {"a": None, "b": None}}


def test_rows_are_pooled_over_series_and_then_averaged_over_seeds() -> None:
    said = table(
        found("a", 0, causal=RowCounts(hit=1, false=1, calm=1)),
        found("b", 0, causal=RowCounts(hit=8, missed=1, calm=2)),
        found("a", 1, causal=RowCounts(missed=1, calm=2)),
        found("b", 1, causal=RowCounts(missed=9, calm=2)),
    )
    measures = said["sets"]["smd"]["default"]

    assert measures["f1_causal"]["mean"] == pytest.approx((0.9 + 0) / 2)
    assert measures["f1_causal"]["se"] == pytest.approx(0.45)
    assert measures["far_causal"]["mean"] == pytest.approx((1 / 4 + 0) / 2)
    assert measures["far_causal"]["series"] == {"a": 0.25, "b": 0.25}


def test_official_figures_are_those_of_sets_that_have_the_rule() -> None:
    official = RowCounts(hit=3, false=1, missed=1, calm=3)
    said = table(found("a"), found("b", set_name="skab", official=official))

    assert "f1_official" not in said["sets"]["smd"]["default"]
    assert said["sets"]["skab"]["default"]["f1_official"]["mean"] == 0.75
    assert said["sets"]["skab"]["default"]["far_official"]["mean"] == 0.25


def test_events_are_pooled_over_a_set_and_over_its_parts() -> None:
    said = table(
        found("a", group="SMAP", events=EventTally(hits=2)),
        found("b", group="SMAP", events=EventTally(misses=2, false_alarms=2)),
        found("c", group="MSL", events=EventTally(hits=1)),
    )
    pooled = said["pooled"]["smd"]["default"]

    assert {group: figures["event_f1"] for group, figures in pooled.items()} == {
        "all": 0.6,
        "MSL": 1,
        "SMAP": 0.5,
    }
    assert pooled["SMAP"]["event_precision"] == 0.5


def test_a_set_of_one_part_is_pooled_once() -> None:
    assert list(table(found("a", group="x"))["pooled"]["smd"]["default"]) == ["all"]


def test_times_are_means_over_runs() -> None:
    assert table(found("a"), found("a", 1))["times"]["smd"]["default"] == {
        "runs": 2,
        "rows": 100,
        "fit_s": 2,
        "judge_s": 1,
        "took_s": 4,
        "unknown": 0.125,
    }


def test_a_run_that_failed_is_listed_and_in_no_figure() -> None:
    said = table(found("a", auc=0.5), failed("b"), failed("b", 1))

    assert said["sets"]["smd"]["default"]["auc_pr"]["series"] == {"a": 0.5}
    assert [each["seed"] for each in said["failures"]] == [0, 1]
    assert said["failures"][0]["reason"] == "no | room\nleft"
    assert "| smd | b | default | 1 | no \\| room left |" in write_tables(said).splitlines()


def test_a_model_that_only_failed_has_no_figures() -> None:
    said = table(failed("a"))

    assert said["sets"] == said["pooled"] == said["times"] == {"smd": {}}
    assert "## smd, 0 series" in write_tables(said)


def test_a_table_is_what_was_measured_and_not_more() -> None:
    said = table(
        found("a", auc=0.2, causal=RowCounts(hit=1)),
        found("b", auc=0.4, causal=RowCounts(calm=1)),
        found("a", auc=0.4, model="always"),
    )

    text = write_tables(said)

    assert "## smd, 2 series" in text
    assert "| model | auc_pr | f1_causal | far_causal | delay_s |" in text
    assert "| default | 0.300 ± 0.100 | 1.000 | 0.000 | 61.2 ± 0 |" in text
    assert "| always | 0.400 | - | - | 61.2 |" in text
    assert "| always | all | - | - | - | - | - |" in text
    assert "| smd | default | 2 | 100 | 2 | 1 | 4 | 0.125 |" in text
    assert "Failures" not in text
    widths = [line.count("|") for line in text.splitlines() if line.startswith("| ")]
    assert all(widths)


def test_the_tables_tell_how_it_was_learned() -> None:
    plan = Plan(lambda *_: (), replay=ReplayPolicy(length=32))
    settings = json.loads(msgspec.json.encode(plan.settings()))

    lines = write_tables({**table(found("a")), "settings": settings}).splitlines()

    head = lines.index(
        "| hidden | latent | epochs | aspects | spans | budget | rows a window | calm windows |"
    )
    aspects = "residual, error, motion, neighbours, bulk"
    assert lines[head + 2] == f"| 64 | 16 | 30 | {aspects} | 1, 5, 20, 60 | 0.001 | 32 | 20 |"


def test_of_settings_that_nobody_kept_the_tables_tell_nothing() -> None:
    assert "| hidden |" not in write_tables(table(found("a")))


def test_the_form_in_the_paper_is_the_one_that_is_written() -> None:
    block = re.search(r"```json\n(.*?)```", PAPER.read_text(), re.DOTALL)
    assert block is not None

    Draft202012Validator(FORM).validate(json.loads(block[1]))


def test_the_paper_tells_of_every_set_model_and_measure() -> None:
    text = PAPER.read_text()

    assert [name for name in (*SETS, *MODELS, *MEASURES) if f"`{name}`" not in text] == []
