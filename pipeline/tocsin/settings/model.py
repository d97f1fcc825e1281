"""What a person can set. Durations are nanoseconds here, and written like ``30s``."""

import os
import re
from pathlib import Path
from typing import Any, Literal, Self

from pydantic import Field, SecretStr, field_validator, model_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from tocsin.settings.durations import Span
from tocsin.settings.profiles import ProfileSettings
from tocsin.settings.section import File, Misfits, SecretFile, Section, Word, read_secrets

PREFIX = "TOCSIN_"

_ADDRESS = re.compile(r"(\[[0-9a-fA-F:.]+\]|[^\s:/]+)(:\d{1,5})?")


class KafkaSettings(Section):
    """Where Kafka is. Without servers, the embedded log is used."""

    bootstrap_servers: str = Field(
        "",
        description="host:port, several with commas; empty: the embedded log",
        examples=["localhost:9092"],
    )
    group_prefix: Word = Field(
        "tocsin",
        description="what names of consumer groups begin with; two installations on one cluster "
        "want different ones, and topics of their own",
    )
    security_protocol: Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] = Field(
        "PLAINTEXT", description="how to connect"
    )
    sasl_mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] = Field(
        "PLAIN", description="how to log in, with SASL_PLAINTEXT and SASL_SSL"
    )
    sasl_username: str = Field("", description="who logs in")
    sasl_password: SecretStr = Field(
        SecretStr(""), description="the password; better in a file, and never shown"
    )
    sasl_password_file: SecretFile = Field(
        None, description="a file that holds the password", examples=["kafka-password.txt"]
    )
    ca_file: File = Field(
        None, description="certificates to trust; none: the system's", examples=["ca.pem"]
    )
    session_timeout: Span = Field(
        "10s", validate_default=True, description="silence after which a member is replaced"
    )
    replication_factor: int = Field(
        -1, ge=-1, description="of the topics that Tocsin creates; -1: the broker's default"
    )

    _secrets = model_validator(mode="before")(read_secrets)

    @field_validator("bootstrap_servers")
    @classmethod
    def _addresses(cls, servers: str) -> str:
        for server in filter(None, servers.split(",")):
            if not _ADDRESS.fullmatch(server.strip()):
                shown = server.strip().rpartition("@")[2]  # what stands before it may be a password
                raise ValueError(f"{shown!r} is no host:port")
        return servers

    @field_validator("ca_file")
    @classmethod
    def _readable(cls, path: Path | None) -> Path | None:
        if path is not None and not (path.is_file() and os.access(path, os.R_OK)):
            raise ValueError(f"cannot read {path}; is it there, and may Tocsin read it?")
        return path

    @model_validator(mode="after")
    def _parts_go_together(self) -> Self:
        known = self.sasl_username and self.sasl_password.get_secret_value()
        if self.security_protocol.startswith("SASL") and not known:
            needs = "SASL needs sasl_username, and sasl_password or sasl_password_file"
            raise Misfits([("security_protocol", needs)])
        return self


class TopicSettings(Section):
    """Names of topics, and the number of partitions of those that Tocsin creates."""

    readings: Word = Field("readings", description="where readings come from")
    scores: Word = Field("scores", description="what the detector makes of them")
    alerts: Word = Field("alerts", description="every step of every alert")
    state: Word = Field("state", description="the detector's snapshots; compacted")
    dead_letters: Word = Field("dead-letters", description="what could not be used, and why")
    models: Word = Field("models", description="the models and which one scores; compacted")
    deliveries: Word = Field("deliveries", description="who was told what; compacted")
    operations: Word = Field("operations", description="what the roles report of themselves")
    partitions: int = Field(
        4,
        ge=1,
        le=1_000,
        description="of the readings topic, if Tocsin creates it; scores, alerts and state always "
        "have as many as readings has",
    )

    @model_validator(mode="after")
    def _each_its_own(self) -> Self:
        names = {key: name for key, name in self if key != "partitions"}
        chosen_last = sorted(names, key=lambda key: key in self.model_fields_set)
        first = {names[key]: key for key in reversed(chosen_last)}
        said = "{!r} is named twice, here and in {}; give each topic its own name"
        twice = [(k, said.format(n, first[n])) for k, n in names.items() if first[n] != k]
        if twice:
            raise Misfits(twice)
        return self


class InfluxSettings(Section):
    """Where InfluxDB is. Without a URL, points go to a file beside the embedded log."""

    url: str = Field(
        "",
        description="http://host:8086; empty: the embedded store",
        examples=["http://localhost:8086"],
    )
    org: str = Field("", description="organisation, by its name", examples=["plant"])
    bucket: str = Field("sensors", description="where points go")
    token: SecretStr = Field(
        SecretStr(""),
        description="what may write to the bucket; better in a file, and never shown",
    )
    token_file: SecretFile = Field(
        None, description="a file that holds the token", examples=["influx-token.txt"]
    )
    timeout: Span = Field("10s", validate_default=True, description="for one request")

    _secrets = model_validator(mode="before")(read_secrets)


class ReceiverSettings(Section):
    """One receiver of webhooks."""

    name: str = Field(
        description="what logs and the memory of deliveries call it",
        min_length=1,
        examples=["shift"],
    )
    url: str = Field(
        description="where notices are posted; never shown beyond its host",
        examples=["https://example.com/hooks/shift"],
        repr=False,
    )
    secret: SecretStr = Field(
        SecretStr(""),
        description="signs notices: whsec_ and base64 of 24 to 64 bytes; empty: not signed; better "
        "in a file, and never shown",
    )
    secret_file: SecretFile = Field(
        None, description="a file that holds the secret", examples=["webhook-secret.txt"]
    )
    timeout: Span = Field("15s", validate_default=True, description="for one try")

    _secrets = model_validator(mode="before")(read_secrets)


class TrainSettings(Section):
    """The network, how it learns, and how often it may be wrong."""

    model: Literal["lstm", "dense", "conv", "variational", "pca", "sparse", "denoising"] = Field(
        "lstm", description="member of the family; docs/models.md says when to choose which"
    )
    loss: Literal["mse", "mae", "bce"] = Field(
        "mse", description="what an error costs in training: its square, its size, cross-entropy"
    )
    hidden: int = Field(64, ge=1, description="units of a hidden layer")
    latent: int = Field(16, ge=1, description="numbers that a window is squeezed into")
    sparsity: int = Field(
        0,
        ge=0,
        description="of these only so many, the largest, are kept; 0: what the model is made with",
    )
    forecast: bool = Field(
        default=False, description="whether a window's last step is hidden, and so is forecast"
    )
    reversed: bool = Field(
        default=False, description="whether an lstm says the newest step of a window first"
    )
    noise: float = Field(
        0.0,
        ge=0,
        le=10,
        description="noise that is learned to be taken away, in spreads; 0: what the model is made "
        "with",
    )
    scale: Literal["auto", "own", "shared"] = Field(
        "auto",
        description="spread that channels are measured in: their own, or one shared by channels in "
        "one unit; auto looks at the values",
    )
    sifted: bool = Field(
        default=False,
        description="whether what lies far from all else in training, up to a quarter of it, is "
        "taken for faults and not for rare: for recordings that nobody has looked at",
    )
    learning_rate: float = Field(
        0.005, gt=0, le=1, description="size of the largest steps; smaller where training fails"
    )
    epochs: int = Field(30, ge=1, description="passes over the windows, at most")
    seed: int = Field(0, description="the same seed and windows give the same model")
    budget: float = Field(
        0.001, gt=0, lt=0.5, description="share of normal windows at which an alert may open"
    )

    @model_validator(mode="after")
    def _a_pca_has_its_loss(self) -> Self:
        if self.model == "pca" and self.loss != "mse":
            raise ValueError("a pca has no loss but mse; leave train.loss out")
        return self

    @model_validator(mode="after")
    def _options_are_the_models_own(self) -> Self:
        found = []
        if self.noise and self.model == "pca":
            found.append(("noise", "a pca is found in one step and cannot learn with noise"))
        if self.reversed and self.model != "lstm":
            found.append(("reversed", f"only an lstm has an order, and this model is {self.model}"))
        if self.sparsity and self.model in ("variational", "pca"):
            found.append(("sparsity", f"a model of {self.model} cannot be sparse"))
        most = self.latent * (4 if self.model == "sparse" else 1)
        if self.sparsity > most:
            found.append(("sparsity", f"choose at most {most}: there are no more latent numbers"))
        if found:
            raise Misfits(found)
        return self


class RetrainSettings(Section):
    """When a model is learned, and from how much."""

    first_windows: int = Field(1_000, ge=16, description="windows that the first model waits for")
    every: Span = Field("24h", validate_default=True, description="time in the log between refits")
    history: Span = Field("14d", validate_default=True, description="how far back a refit looks")


class PageSettings(Section):
    """The live page of ``tocsin run --page`` and ``tocsin page``."""

    host: str = Field("127.0.0.1", description="address to listen on; beyond loopback with a token")
    port: int = Field(8765, ge=1, le=65_535, description="port to listen on")
    token: SecretStr = Field(
        SecretStr(""), description="what visitors must know; better in a file, and never shown"
    )
    token_file: SecretFile = Field(
        None, description="a file that holds the token", examples=["page-token.txt"]
    )

    _secrets = model_validator(mode="before")(read_secrets)


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

    @field_validator("profiles", "receivers")
    @classmethod
    def _each_its_own(cls, tables: list[Any]) -> list[Any]:
        names = [table.name for table in tables]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ValueError(f"give each its own name; {', '.join(twice)} is there twice")
        return tables
