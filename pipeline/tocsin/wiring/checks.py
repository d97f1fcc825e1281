"""What follows from settings without looking at any server, and what is wrong with them."""

from collections.abc import Callable, Collection, Iterator
from functools import partial

from tocsin.core.profile import Profile
from tocsin.settings import ConfigError, PageSettings, Settings
from tocsin.wiring.ports import influx_policy, webhook_policy


def profiles_of(settings: Settings) -> list[Profile]:
    """Return the profiles; raises ConfigError if there are none."""
    if not settings.profiles:
        raise ConfigError(
            'profiles: there are none; add [[profiles]] with channels = ["…"] to the settings file'
        )
    return [profile.profile() for profile in settings.profiles]


def group_of(settings: Settings, role: str) -> str:
    """Return the consumer group of a role."""
    return f"{settings.kafka.group_prefix}-{role}"


def check_settings(settings: Settings, roles: Collection[str]) -> None:
    """Make sure that ``roles``, and the page if it is among them, could be made.

    Raises:
        ConfigError: if one could not; every line says what to mend.
    """
    mistakes: list[str] = []
    for check in _checks(settings, roles):
        try:
            check()
        except ConfigError as error:
            mistakes.append(str(error))
    if mistakes:
        raise ConfigError("\n".join(mistakes))


def _checks(settings: Settings, roles: Collection[str]) -> Iterator[Callable[[], object]]:
    if "detect" in roles or "retrain" in roles:
        yield partial(profiles_of, settings)
    if "sink" in roles and settings.influx.url:
        yield partial(influx_policy, settings.influx)
    if "notify" in roles:
        yield from (partial(webhook_policy, receiver) for receiver in settings.receivers)
    if "page" in roles:
        yield partial(_check_page, settings.page)


def _check_page(page: PageSettings) -> None:
    from tocsin.page.policy import PagePolicy  # noqa: PLC0415 - a role does without the page

    try:
        PagePolicy(page.host, page.port, token=page.token.get_secret_value())
    except ValueError as error:
        raise ConfigError(str(error)) from None
