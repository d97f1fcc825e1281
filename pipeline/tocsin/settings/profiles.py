"""Kinds of assets: what a person can set about each."""

from collections.abc import Iterator
from typing import Self

from pydantic import Field, field_validator, model_validator

from tocsin.core.profile import AlertPolicy, Profile
from tocsin.settings.durations import Duration, Span
from tocsin.settings.section import Misfits, Name, Section


class AlertSettings(Section):
    """When an anomaly opens an alert, and when it is over."""

    open_count: int = Field(
        3, ge=1, description="breaches among the last open_of windows that open an alert"
    )
    open_of: int = Field(5, ge=1, le=64, description="windows that are looked at")
    calm_count: int = Field(
        5, ge=1, description="calm windows in a row that close it; 20 where every row has a window"
    )
    calm_score: float = Field(0.8, gt=0, le=1, description="a window below this is calm")
    critical_score: float = Field(3.0, ge=1, description="a score from here on is critical")

    @model_validator(mode="after")
    def _parts_go_together(self) -> Self:
        if self.open_count > self.open_of:
            most = f"must be at most open_of, which is {self.open_of}"
            raise Misfits([("open_count", most)])
        return self


class ProfileSettings(Section):
    """One kind of asset."""

    name: Name = Field("default", description="what its models, scores and alerts stand under")
    channels: list[Name] = Field(
        description="the sensors of such an asset, in a fixed order",
        min_length=1,
        examples=[["flow", "pressure", "temperature"]],
    )
    assets: list[str] = Field(
        ["*"], min_length=1, description="names or patterns of the assets of this kind"
    )
    period: Span = Field(
        "1s", validate_default=True, description="distance of readings on the grid"
    )
    length: int = Field(64, ge=1, description="slots in a window")
    stride: int = Field(
        8, ge=1, description="slots from one window to the next; divides the length"
    )
    lateness: Duration = Field(
        "0s", validate_default=True, description="how far behind a reading may come"
    )
    max_gap: Span = Field(
        "60s", validate_default=True, description="a wider hole starts the asset anew"
    )
    min_coverage: float = Field(
        0.5, gt=0, le=1, description="share of a window that must be measured"
    )
    max_ahead: Duration = Field(
        "5m", validate_default=True, description="a reading further in the future is refused"
    )
    silent_after: Span = Field(
        "5m", validate_default=True, description="silence that opens an alert"
    )
    alerts: AlertSettings = AlertSettings()

    @field_validator("name")
    @classmethod
    def _plain(cls, name: str) -> str:
        if "|" in name:
            raise ValueError("must not hold a |")
        return name

    @field_validator("channels")
    @classmethod
    def _each_once(cls, channels: list[str]) -> list[str]:
        twice = sorted({name for name in channels if channels.count(name) > 1})
        if twice:
            raise ValueError(f"name each channel once; {', '.join(twice)} stands there twice")
        return channels

    @model_validator(mode="after")
    def _parts_go_together(self) -> Self:
        if misfits := list(self._misfits()):
            raise Misfits(misfits)
        self.profile()
        return self

    def _misfits(self) -> Iterator[tuple[str, str]]:
        if self.length % self.stride:
            yield "stride", _stride_advice(self.length, self.stride)
        if self.max_gap < self.period:
            yield "max_gap", "must not be shorter than period"

    def profile(self) -> Profile:
        """Return the profile; raises ValueError if its numbers do not go together."""
        return Profile(
            name=self.name,
            channels=tuple(self.channels),
            assets=tuple(self.assets),
            period_ns=self.period,
            length=self.length,
            stride=self.stride,
            lateness_ns=self.lateness,
            max_gap_ns=self.max_gap,
            min_coverage=self.min_coverage,
            max_ahead_ns=self.max_ahead,
            silent_after_ns=self.silent_after,
            alerts=AlertPolicy(**self.alerts.model_dump()),
        )


def _stride_advice(length: int, stride: int) -> str:
    """Return what to choose so that every slot stands in equally many windows."""
    if stride > length:
        return f"must be at most length, which is {length}"
    below = next(each for each in range(stride, 0, -1) if length % each == 0)
    above = next(each for each in range(stride, length + 1) if length % each == 0)
    shorter = length // stride * stride
    return (
        f"{stride} does not divide length, which is {length}: choose stride {below} or {above}, "
        f"or length {shorter} or {shorter + stride}"
    )
