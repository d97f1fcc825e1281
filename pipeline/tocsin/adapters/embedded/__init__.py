"""The log and the store that need no server: SQLite, in a file or in memory."""

from tocsin.adapters.embedded.log import EmbeddedLog
from tocsin.adapters.embedded.policy import LogPolicy
from tocsin.adapters.embedded.store import EmbeddedStore, Point

__all__ = ["EmbeddedLog", "EmbeddedStore", "LogPolicy", "Point"]
