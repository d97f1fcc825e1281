"""Settings: what there is to set, and where it is read from. Only the wiring and the cli look."""

from tocsin.settings.durations import format_duration, parse_duration
from tocsin.settings.mistakes import ConfigError
from tocsin.settings.model import (
    InfluxSettings,
    KafkaSettings,
    PageSettings,
    ReceiverSettings,
    RetrainSettings,
    Settings,
    TopicSettings,
    TrainSettings,
)
from tocsin.settings.profiles import AlertSettings, ProfileSettings
from tocsin.settings.section import Section
from tocsin.settings.sources import Found, find_settings, load_settings

__all__ = [
    "AlertSettings",
    "ConfigError",
    "Found",
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
    "find_settings",
    "format_duration",
    "load_settings",
    "parse_duration",
]
