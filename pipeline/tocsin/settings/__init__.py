"""Settings: what there is to set, and where it is read from. Only the wiring and the cli look."""

from tocsin.settings.model import (
    AlertSettings,
    InfluxSettings,
    KafkaSettings,
    PageSettings,
    ProfileSettings,
    ReceiverSettings,
    RetrainSettings,
    Section,
    Settings,
    TopicSettings,
    TrainSettings,
    parse_duration,
)
from tocsin.settings.sources import ConfigError, load_settings

__all__ = [
    "AlertSettings",
    "ConfigError",
    "InfluxSettings",
    "KafkaSettings",
    "PageSettings",
    "ProfileSettings",
    "ReceiverSettings",
    "RetrainSettings",
    "Section",
    "Settings",
    "TopicSettings",
    "TrainSettings",
    "load_settings",
    "parse_duration",
]
