"""The schema in InfluxDB: measurements, their tags and their fields.

`docs/schema.md` shows it to people, and `points` writes what is here.
"""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Field:
    """A field of a measurement: float or string, its unit, and what it says."""

    kind: str
    unit: str
    meaning: str


@dataclass(frozen=True, slots=True)
class Measurement:
    """A measurement: when it gets a point and of what time, its tags and its fields."""

    meaning: str
    tags: tuple[str, ...]
    fields: Mapping[str, Field]


MEASUREMENTS: Mapping[str, Measurement] = {
    "tocsin_score": Measurement(
        "One point per window, at its end. A window without a score has a status instead.",
        ("asset", "profile"),
        {
            "coverage": Field("float", "1", "share of the window's cells that were measured"),
            "error": Field("float", "1", "the window's own surprise / limit; only with status 0"),
            "model": Field("string", "", "version of the model; missing where there is none"),
            "score": Field(
                "float", "1", "averaged surprise / limit, 1.0 is the boundary; only with status 0"
            ),
            "status": Field(
                "float",
                "",
                "0 scored, 1 warming up, 2 no model, 3 too few values, 4 model gave no number",
            ),
        },
    ),
    "tocsin_channel": Measurement(
        "One point per window and channel, at the window's end.",
        ("asset", "channel", "profile"),
        {
            "blame": Field("float", "1", "the channel's share of the window's error"),
            "coverage": Field("float", "1", "share of the window's slots that were measured"),
            "expected": Field("float", "engineering", "the model's value for the last slot"),
            "measured": Field("float", "engineering", "the value measured in the last slot"),
        },
    ),
    "tocsin_alert": Measurement(
        "One point per step of an alert, at the time of the step.",
        ("asset", "profile", "rule", "severity", "state"),
        {
            "alert": Field("string", "", "id of the alert, the same in all its steps"),
            "began_ms": Field(
                "float", "ms", "first sign: window end, or time of the newest reading"
            ),
            "opened_ms": Field("float", "ms", "when the alert opened"),
            "resolved_ms": Field("float", "ms", "when it was over; only with state resolved"),
            "score": Field("float", "1", "highest score so far; only with rule anomaly"),
            "sequence": Field("float", "", "1, 2, 3, ... within the alert"),
            "tags": Field("string", "", "rule, severity, state and most blamed channels"),
            "text": Field("string", "", "a sentence for a person"),
            "title": Field("string", "", "asset and rule"),
        },
    ),
    "tocsin_episode": Measurement(
        "One point per alert that is over, at its first sign: a region for annotations.",
        ("asset", "profile", "rule", "severity"),
        {
            "alert": Field("string", "", "id of the alert"),
            "score": Field("float", "1", "highest score; only with rule anomaly"),
            "tags": Field("string", "", "rule, severity and most blamed channels"),
            "text": Field("string", "", "a sentence for a person"),
            "time_end_ms": Field("float", "ms", "when it was over"),
            "title": Field("string", "", "asset and rule"),
        },
    ),
    "tocsin_role": Measurement(
        "One point per role and report, every 10 s by the clock of its machine. Each role has its "
        "own of these fields; counters begin at 0 when the process starts.",
        ("instance", "role"),
        {
            "checkpoints": Field("float", "", "detect: commits of what was done"),
            "delivered": Field("float", "", "notify: notices that receivers took"),
            "disabled": Field("float", "", "notify: receivers that want no more, now"),
            "entries": Field("float", "", "sink: log entries that are settled"),
            "failed": Field("float", "", "notify: alert steps that were given up"),
            "failed_tries": Field("float", "", "notify: tries that a receiver did not take"),
            "fit_failed": Field("float", "", "retrain: fits that learned nothing"),
            "kept_windows": Field("float", "", "retrain: windows to learn from, now"),
            "lag_entries": Field(
                "float",
                "",
                "detect: readings entries not yet read, sink: entries not yet stored, of the "
                "partitions that it holds; missing while it holds none",
            ),
            "lines": Field("float", "", "sink: lines that the store took"),
            "memory_bytes": Field(
                "float",
                "bytes",
                "all: resident memory of the process; the most it ever had where a system tells "
                "only that",
            ),
            "partitions": Field("float", "", "detect: partitions of readings that it holds, now"),
            "pending": Field("float", "", "notify: alert steps that are still to be told, now"),
            "promoted": Field("float", "", "retrain: models that came to score"),
            "records": Field("float", "", "detect, retrain: entries of readings that were read"),
            "refused": Field("float", "", "retrain: models that were not good enough"),
            "rejected_lines": Field("float", "", "sink: lines that can never be stored"),
            "rejects": Field("float", "", "detect: what of the readings could not be used"),
            "retries": Field("float", "", "sink: writes that the store could not take"),
            "swaps": Field("float", "", "detect: changes of the model in a partition"),
            "takeovers": Field("float", "", "detect: partitions that were taken over"),
            "transitions": Field("float", "", "detect: steps of alerts"),
            "undecodable": Field("float", "", "sink, notify: entries that could not be read"),
            "uptime_s": Field("float", "s", "all: how long the role has been at work"),
            "windows": Field("float", "", "detect: windows, with a score or without"),
            "windows_ok": Field("float", "", "detect: windows with a score"),
        },
    ),
    "tocsin_model": Measurement(
        "One point per fit, at the log's time of the fit.",
        ("profile", "verdict"),
        {
            "left_out": Field("float", "", "windows that were not judged normal, and not used"),
            "parent": Field(
                "string", "", "version that scored before; missing where there was none"
            ),
            "seconds": Field("float", "s", "how long the fit took"),
            "tags": Field("string", "", "profile and verdict"),
            "text": Field("string", "", "a sentence for a person: what came of it, and why"),
            "title": Field("string", "", "profile, verdict and version"),
            "version": Field("string", "", "version of the new model; missing with verdict failed"),
            "windows": Field("float", "", "windows that it learned from and was judged on"),
        },
    ),
    "tocsin_check": Measurement(
        "One point per check that a new model was held to, at the time of its fit.",
        ("check", "profile"),
        {
            "bound": Field("float", "1", "what the value was held to; missing without a bound"),
            "passed": Field("float", "", "1 if the check was passed, 0 if not"),
            "text": Field("string", "", "the check as a sentence"),
            "value": Field("float", "1", "what was found; missing where it is no finite number"),
            "version": Field("string", "", "version of the new model"),
        },
    ),
}
"""The schema. Times in fields are milliseconds since the Unix epoch, as Grafana wants them."""
