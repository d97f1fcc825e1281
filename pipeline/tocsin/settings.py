"""What a person can set, and where from: a TOML file, the environment, secret files, flags."""

import os
import re
import tomllib
from collections.abc import Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any, Literal, Self, TypeGuard, get_args

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SecretStr,
    ValidationError,
    model_validator,
)
from pydantic_core import ErrorDetails
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

from tocsin.core.profile import AlertPolicy, Profile

_FILE_VARIABLE = "TOCSIN_CONFIG"
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


def parse_duration(value: object) -> int:
    """Return nanoseconds for ``"30s"``, ``"1h30m"`` or a number of seconds.

    Raises:
        ValueError: for anything else.
    """
    if isinstance(value, int | float) and not isinstance(value, bool):
        return round(value * _UNITS_NS["s"])
    text = str(value).replace(" ", "")
    parts = _DURATION.findall(text)
    if not parts or "".join(number + unit for number, unit in parts) != text:
        raise ValueError("write a duration like 30s, 5m, 1h30m or 250ms")
    return sum(round(float(number) * _UNITS_NS[unit]) for number, unit in parts)


Duration = Annotated[int, BeforeValidator(parse_duration), Field(ge=0)]
"""Nanoseconds, written like ``30s``."""


class Section(BaseModel):
    """A table of the file: unknown keys are mistakes."""

    model_config = ConfigDict(extra="forbid", frozen=True)


def _read_secrets(values: Any) -> Any:
    """Put the content of every ``NAME_file`` in the place of ``NAME``."""
    if not isinstance(values, dict):
        return values
    found = dict(values)
    for key in [
        key for key in values if key.endswith("_file") and key != "ca_file" and values[key]
    ]:
        try:
            found[key.removesuffix("_file")] = Path(values[key]).read_text().strip()
        except OSError as error:
            raise ValueError(f"{key}: cannot read {values[key]}: {error.strerror}") from None
    return found


class KafkaSettings(Section):
    """Where Kafka is. Without servers, the embedded log is used."""

    bootstrap_servers: str = Field(
        "", description="host:port, several with commas; empty: the embedded log"
    )
    security_protocol: Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] = "PLAINTEXT"
    sasl_mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] = "PLAIN"
    sasl_username: str = ""
    sasl_password: SecretStr = SecretStr("")
    sasl_password_file: Path | None = Field(None, description="a file that holds the password")
    ca_file: Path | None = Field(None, description="certificates to trust; empty: the system's")
    session_timeout: Duration = Field(
        "10s", validate_default=True, description="silence after which a member is replaced"
    )
    replication_factor: int = Field(
        -1, description="of the topics that Tocsin creates; -1: the broker's default"
    )

    _secrets = model_validator(mode="before")(_read_secrets)


class TopicSettings(Section):
    """Names of topics, and the number of partitions of those that Tocsin creates."""

    readings: str = "readings"
    scores: str = "scores"
    alerts: str = "alerts"
    state: str = "state"
    dead_letters: str = "dead-letters"
    models: str = "models"
    deliveries: str = "deliveries"
    partitions: int = Field(4, ge=1, le=1_000)


class InfluxSettings(Section):
    """Where InfluxDB is. Without a URL, points go to a file beside the embedded log."""

    url: str = Field("", description="http://host:8086; empty: the embedded store")
    org: str = Field("", description="empty is right for InfluxDB 3")
    bucket: str = "sensors"
    token: SecretStr = SecretStr("")
    token_file: Path | None = Field(None, description="a file that holds the token")
    timeout: Duration = Field("10s", validate_default=True)

    _secrets = model_validator(mode="before")(_read_secrets)


class ReceiverSettings(Section):
    """One receiver of webhooks."""

    name: str
    url: str
    secret: SecretStr = Field(SecretStr(""), description="whsec_ and base64; empty: not signed")
    secret_file: Path | None = Field(None, description="a file that holds the secret")
    timeout: Duration = Field("15s", validate_default=True)

    _secrets = model_validator(mode="before")(_read_secrets)


class AlertSettings(Section):
    """When an anomaly opens an alert, and when it is over."""

    open_count: int = Field(
        3, description="breaches among the last open_of windows that open an alert"
    )
    open_of: int = 5
    calm_count: int = Field(5, description="calm windows in a row that close it")
    calm_score: float = Field(0.8, description="a window below this is calm")
    critical_score: float = Field(3.0, description="a score from here on is critical")


class ProfileSettings(Section):
    """One kind of asset."""

    name: str = "default"
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
    epochs: int = Field(60, ge=1)
    seed: int = 0
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


class Settings(BaseSettings):
    """Everything. See docs/settings.md for what each key means."""

    model_config = SettingsConfigDict(
        env_prefix="TOCSIN_", env_nested_delimiter="__", extra="forbid", frozen=True
    )

    data_dir: Path = Field(Path(".tocsin"), description="where the embedded log and store are")
    kafka: KafkaSettings = KafkaSettings()
    topics: TopicSettings = TopicSettings()
    influx: InfluxSettings = InfluxSettings()
    profiles: list[ProfileSettings] = Field(
        [], description="kinds of assets; the first that fits, counts"
    )
    receivers: list[ReceiverSettings] = []
    train: TrainSettings = TrainSettings()
    retrain: RetrainSettings = RetrainSettings()
    external_url: str = Field("", description="where links in webhooks lead, such as Grafana")

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Flags over environment over file; a secret file wins over all, where one is named."""
        del dotenv_settings, file_secret_settings
        return (init_settings, env_settings, TomlConfigSettingsSource(settings_cls, _file()))

    @model_validator(mode="after")
    def _profiles_hold(self) -> Self:
        for profile in self.profiles:
            profile.profile()
        names = [profile.name for profile in self.profiles]
        if len(set(names)) != len(names):
            raise ValueError("profiles: give each its own name")
        return self


class ConfigError(Exception):
    """The settings do not hold; every line of the message says what to mend."""


def load_settings(path: Path | None = None, flags: Mapping[str, Any] | None = None) -> Settings:
    """Return the settings from file, environment and flags, rising in precedence.

    Args:
        path: the TOML file; without it the one named by TOCSIN_CONFIG, else ``tocsin.toml``.
        flags: nested values that win over both.

    Raises:
        ConfigError: with one line for each mistake.
    """
    chosen = path or _file()
    if path is not None and not path.is_file():
        raise ConfigError(f"{path}: there is no such file; write one, or leave --config out")
    previous = os.environ.get(_FILE_VARIABLE)
    os.environ[_FILE_VARIABLE] = str(chosen)
    try:
        return Settings(**(flags or {}))
    except ValidationError as error:
        raise ConfigError("\n".join(_sentence(one) for one in error.errors())) from None
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{chosen}: not valid TOML: {error}") from None
    finally:
        if previous is None:
            del os.environ[_FILE_VARIABLE]
        else:
            os.environ[_FILE_VARIABLE] = previous


def _file() -> Path:
    return Path(os.environ.get(_FILE_VARIABLE, "tocsin.toml"))


def _sentence(error: ErrorDetails) -> str:
    """Return one line about a mistake, with the nearest key where one is misspelt."""
    where = ".".join(str(part) for part in error["loc"])
    if error["type"] != "extra_forbidden":
        return f"{where or 'settings'}: {error['msg'].removeprefix('Value error, ')}"
    near = get_close_matches(str(error["loc"][-1]), _keys(error["loc"][:-1]), 1)
    hint = f"; did you mean {near[0]}?" if near else ""
    return f"{where}: there is no such setting{hint}"


def _keys(path: tuple[int | str, ...]) -> list[str]:
    """Return the keys that exist at ``path``."""
    model: type[BaseModel] = Settings
    for part in path:
        if isinstance(part, str):
            found = model.model_fields[part].annotation
            model = next((a for a in (found, *get_args(found)) if _is_model(a)), Section)
    return list(model.model_fields)


def _is_model(annotation: Any) -> TypeGuard[type[BaseModel]]:
    return isinstance(annotation, type) and issubclass(annotation, BaseModel)
