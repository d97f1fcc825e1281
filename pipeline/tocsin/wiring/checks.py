"""What can be said of settings without looking at any server."""

from collections.abc import Collection

from tocsin.core.profile import Profile
from tocsin.settings import ConfigError, Settings
from tocsin.wiring.ports import influx_policy, webhook_policy


def profiles_of(settings: Settings) -> list[Profile]:
    """Return the profiles; raises ConfigError if there are none."""
    if not settings.profiles:
        raise ConfigError(
            'profiles: there are none; add [[profiles]] with channels = ["…"] to the settings file'
        )
    return [profile.profile() for profile in settings.profiles]


def check_settings(settings: Settings, roles: Collection[str]) -> None:
    """Make sure that ``roles`` could be made.

    Raises:
        ConfigError: if one could not; says what to mend.
    """
    if "detect" in roles or "retrain" in roles:
        profiles_of(settings)
    if "sink" in roles and settings.influx.url:
        influx_policy(settings.influx)
    if "notify" in roles:
        for receiver in settings.receivers:
            webhook_policy(receiver)
