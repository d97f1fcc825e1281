"""What every `Log` must do: one battery, run over each implementation.

A subclass gives the fixture ``log``, an entered log, and says how a member vanishes. Servers may
take their time: what a group does is waited for, with ``patience_s`` as the deadline.
"""

from contracts.entries import EntryContract
from contracts.groups import GroupContract


class LogContract(EntryContract, GroupContract):
    """All of it."""
