"""What a person can set. Durations are nanoseconds here, and written like ``30s``."""

import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SecretStr,
    field_validator,
    model_validator,
)
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from tocsin.core.points import unwritable
from tocsin.core.profile import AlertPolicy, Profile

PREFIX = "TOCSIN_"

_UNITS_NS = {
    "ns": 1,
    "us": 1_000,
    "ms": 1_000_000,
    "s": 1_000_000_000,
    "m": 60_000_000_000,
    "h": 3_600_000_000_000,
    "d": 86_400_000_000_000,
}
_DURATION = re.compile(r"(\d+(?:\.\d+)?)(ns|us|ms|s|m|h|d)")

_ADDRESS = re.compile(r"(\[[0-9a-fA-F:.]+\]|[^\s:/]+)(:\d{1,5})?")


def parse_duration(value: object) -> int:
    """Return nanoseconds for ``"30s"``, ``"1h30m"`` or a number of seconds.

    Raises:
        ValueError: for anything else.
    """
    try:
        if isinstance(value, int | float) and not isinstance(value, bool):
            return round(value * _UNITS_NS["s"])
        text = str(value).replace(" ", "")
        parts = _DURATION.findall(text)
        if parts and "".join(number + unit for number, unit in parts) == text:
            return sum(round(float(number) * _UNITS_NS[unit]) for number, unit in parts)
    except (OverflowError, ValueError):  # infinity, NaN
        pass
    raise ValueError("write a duration like 30s, 5m, 1h30m or 250ms")


Duration = Annotated[int, BeforeValidator(parse_duration), Field(ge=0, lt=2**62)]
"""Nanoseconds, written like ``30s``."""


class Section(BaseModel):
    """A table of the file: unknown keys are mistakes."""

    model_config = ConfigDict(extra="forbid", frozen=True)


def _read_secrets(values: Any) -> Any:
    """Put the content of every ``NAME_file`` in the place of ``NAME``."""
    if not isinstance(values, dict):
        return values
    named = [key for key in values if key.endswith("_file") and key != "ca_file" and values[key]]
    return values | {key.removesuffix("_file"): _secret(key, values[key]) for key in named}


def _secret(key: str, path: Any) -> str:
    try:
        secret = Path(path).read_text(encoding="utf-8").strip()
    except OSError as error:
        raise ValueError(f"{key}: cannot read {path}: {error.strerror}") from None
    except (TypeError, UnicodeDecodeError):
        raise ValueError(f"{key}: {path} is no text file") from None
    if not secret:
        raise ValueError(f"{key}: {path} is empty")
    return secret


class KafkaSettings(Section):
    """Where Kafka is. Without servers, the embedded log is used."""

    bootstrap_servers: str = Field(
        "", description="host:port, several with commas; empty: the embedded log"
    )
    security_protocol: Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] = Field(
        "PLAINTEXT", description="how to connect"
    )
    sasl_mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] = Field(
        "PLAIN", description="how to log in, with SASL_PLAINTEXT and SASL_SSL"
    )
    sasl_username: str = Field("", description="who logs in")
    sasl_password: SecretStr = Field(SecretStr(""), description="never shown")
    sasl_password_file: Path | None = Field(None, description="a file that holds the password")
    ca_file: Path | None = Field(None, description="certificates to trust; none: the system's")
    session_timeout: Duration = Field(
        "10s", validate_default=True, description="silence after which a member is replaced"
    )
    replication_factor: int = Field(
        -1, description="of the topics that Tocsin creates; -1: the broker's default"
    )

    _secrets = model_validator(mode="before")(_read_secrets)

    @field_validator("bootstrap_servers")
    @classmethod
    def _addresses(cls, servers: str) -> str:
        for server in filter(None, servers.split(",")):
            if not _ADDRESS.fullmatch(server.strip()):
                raise ValueError(f"{server.strip()!r} is no host:port")
        return servers

    @model_validator(mode="after")
    def _parts_go_together(self) -> Self:
        known = self.sasl_username and self.sasl_password.get_secret_value()
        if self.security_protocol.startswith("SASL") and not known:
            raise ValueError("SASL needs sasl_username, and sasl_password or sasl_password_file")
        if self.ca_file is not None and not os.access(self.ca_file, os.R_OK):
            raise ValueError(f"ca_file: cannot read {self.ca_file}")
        return self


class TopicSettings(Section):
    """Names of topics, and the number of partitions of those that Tocsin creates."""

    readings: str = Field("readings", description="where readings come from")
    scores: str = Field("scores", description="what the detector makes of them")
    alerts: str = Field("alerts", description="every step of every alert")
    state: str = Field("state", description="the detector's snapshots; compacted")
    dead_letters: str = Field("dead-letters", description="what could not be used, and why")
    models: str = Field("models", description="the models and which one scores; compacted")
    deliveries: str = Field("deliveries", description="who was told what; compacted")
    operations: str = Field("operations", description="what the roles report of themselves")
    partitions: int = Field(
        4,
        ge=1,
        le=1_000,
        description="of the readings topic, if Tocsin creates it; scores, alerts and state always "
        "have as many as readings has",
    )

    @model_validator(mode="after")
    def _each_its_own(self) -> Self:
        names = [name for key, name in self if key != "partitions"]
        twice = next((name for name in names if names.count(name) > 1), None)
        if twice is not None:
            raise ValueError(f"{twice!r} is named twice; give each topic its own name")
        return self


class InfluxSettings(Section):
    """Where InfluxDB is. Without a URL, points go to a file beside the embedded log."""

    url: str = Field("", description="http://host:8086; empty: the embedded store")
    org: str = Field("", description="organisation")
    bucket: str = Field("sensors", description="where points go")
    token: SecretStr = Field(SecretStr(""), description="never shown")
    token_file: Path | None = Field(None, description="a file that holds the token")
    timeout: Duration = Field("10s", validate_default=True, description="for one request")

    _secrets = model_validator(mode="before")(_read_secrets)


class ReceiverSettings(Section):
    """One receiver of webhooks."""

    name: str = Field(description="what logs and the memory of deliveries call it", min_length=1)
    url: str = Field(description="where notices are posted; never shown beyond its host")
    secret: SecretStr = Field(SecretStr(""), description="whsec_ and base64; empty: not signed")
    secret_file: Path | None = Field(None, description="a file that holds the secret")
    timeout: Duration = Field("15s", validate_default=True, description="for one try")

    _secrets = model_validator(mode="before")(_read_secrets)


class AlertSettings(Section):
    """When an anomaly opens an alert, and when it is over."""

    open_count: int = Field(
        3, description="breaches among the last open_of windows that open an alert"
    )
    open_of: int = Field(5, description="windows that are looked at")
    calm_count: int = Field(5, description="calm windows in a row that close it")
    calm_score: float = Field(0.8, description="a window below this is calm")
    critical_score: float = Field(3.0, description="a score from here on is critical")


class ProfileSettings(Section):
    """One kind of asset."""

    name: str = Field("default", description="what its models, scores and alerts stand under")
    channels: list[str] = Field(description="the sensors of such an asset, in a fixed order")
    assets: list[str] = Field(["*"], description="names or patterns of the assets of this kind")
    period: Duration = Field(
        "1s", validate_default=True, description="distance of readings on the grid"
    )
    length: int = Field(64, description="slots in a window")
    stride: int = Field(8, description="slots from one window to the next")
    lateness: Duration = Field(
        "0s", validate_default=True, description="how far behind a reading may come"
    )
    max_gap: Duration = Field(
        "60s", validate_default=True, description="a wider hole starts the asset anew"
    )
    min_coverage: float = Field(0.5, description="share of a window that must be measured")
    max_ahead: Duration = Field(
        "5m", validate_default=True, description="a reading further in the future is refused"
    )
    silent_after: Duration = Field(
        "5m", validate_default=True, description="silence that opens an alert"
    )
    alerts: AlertSettings = AlertSettings()

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


class TrainSettings(Section):
    """The network, how it learns, and how often it may be wrong."""

    hidden: int = Field(64, ge=1, description="units of each recurrent layer")
    latent: int = Field(16, ge=1, description="numbers that a window is squeezed into")
    epochs: int = Field(60, ge=1, description="passes over the windows, at most")
    seed: int = Field(0, description="the same seed and windows give the same model")
    budget: float = Field(
        0.001, gt=0, lt=0.5, description="share of normal windows that may score above 1"
    )


class RetrainSettings(Section):
    """When a model is learned, and from how much."""

    first_windows: int = Field(1_000, ge=16, description="windows that the first model waits for")
    every: Duration = Field(
        "24h", validate_default=True, description="time in the log between refits"
    )
    history: Duration = Field(
        "14d", validate_default=True, description="how far back a refit looks"
    )


class PageSettings(Section):
    """The live page of ``tocsin run --page`` and ``tocsin page``."""

    host: str = Field("127.0.0.1", description="address to listen on; beyond loopback with a token")
    port: int = Field(8765, ge=1, le=65_535, description="port to listen on")
    token: SecretStr = Field(SecretStr(""), description="what visitors must show; never shown")
    token_file: Path | None = Field(None, description="a file that holds the token")

    _secrets = model_validator(mode="before")(_read_secrets)


class Settings(BaseSettings):
    """Everything. See docs/settings.md for what each key means."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, env_nested_delimiter="__", extra="forbid", frozen=True
    )

    data_dir: Path = Field(Path(".tocsin"), description="where the embedded log and store are")
    external_url: str = Field("", description="where links in webhooks lead, such as Grafana")
    dashboard_url: str = Field(
        "",
        description="a dashboard with a variable asset, such as Grafana's tocsin-asset; alerts "
        "link to it at their time",
    )
    instance: str = Field("", description="what reports call this process; empty: the host's name")
    kafka: KafkaSettings = KafkaSettings()
    topics: TopicSettings = TopicSettings()
    influx: InfluxSettings = InfluxSettings()
    profiles: list[ProfileSettings] = Field(
        [], description="kinds of assets; the first that fits, counts"
    )
    receivers: list[ReceiverSettings] = Field([], description="who is told of alerts")
    train: TrainSettings = TrainSettings()
    retrain: RetrainSettings = RetrainSettings()
    page: PageSettings = PageSettings()

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Take what is given and nothing else: `load_settings` brings file and environment."""
        del settings_cls, env_settings, dotenv_settings, file_secret_settings
        return (init_settings,)

    @model_validator(mode="after")
    def _parts_hold(self) -> Self:
        for profile in self.profiles:
            profile.profile()
            for name in (profile.name, *profile.channels):
                if reason := unwritable(name):
                    raise ValueError(f"profiles: choose another name for {name!r}: {reason}")
        _each_its_own("profiles", [profile.name for profile in self.profiles])
        _each_its_own("receivers", [receiver.name for receiver in self.receivers])
        return self


def _each_its_own(key: str, names: Sequence[str]) -> None:
    if len(set(names)) != len(names):
        raise ValueError(f"{key}: give each its own name; there are {', '.join(names)}")
