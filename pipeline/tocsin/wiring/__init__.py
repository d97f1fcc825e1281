"""Settings -> objects. The one place that knows every room of the house.

`ports` and `roles` load only what is used: a sink or a notifier never loads torch. Whatever has to
do with models is in `models`.
"""

from tocsin.wiring.checks import check_settings, profiles_of
from tocsin.wiring.ports import make_log, make_notifier, make_store, open_log
from tocsin.wiring.roles import ROLES, Role, run_roles, run_together
from tocsin.wiring.topics import declare_topics, demand_topics, topic_specs

__all__ = [
    "ROLES",
    "Role",
    "check_settings",
    "declare_topics",
    "demand_topics",
    "make_log",
    "make_notifier",
    "make_store",
    "open_log",
    "profiles_of",
    "run_roles",
    "run_together",
    "topic_specs",
]
