"""Consumer groups as SQL: who is a member, whose a partition is, and where the group stands.

A member holds a lease and renews it by polling. Whenever someone comes, leaves or is overdue, the
partitions are dealt out anew, in turn; each time a partition changes hands its term goes up by
one. A commit names member and term, so what someone else has had in between cannot be overwritten.
"""

import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass

import msgspec

from tocsin.adapters.embedded.database import writing
from tocsin.core.records import Place
from tocsin.ports import Commit

SCHEMA = """
CREATE TABLE IF NOT EXISTS members (
  id INTEGER PRIMARY KEY AUTOINCREMENT, team TEXT NOT NULL, topics TEXT NOT NULL,
  deadline_ns INTEGER NOT NULL
);
CREATE TABLE IF NOT EXISTS owners (
  team TEXT NOT NULL, place INTEGER NOT NULL, member INTEGER NOT NULL, term INTEGER NOT NULL,
  PRIMARY KEY (team, place)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS commits (
  team TEXT NOT NULL, place INTEGER NOT NULL, next INTEGER NOT NULL, note TEXT NOT NULL,
  PRIMARY KEY (team, place)
) WITHOUT ROWID
"""


@dataclass(frozen=True, slots=True)
class Team:
    """A consumer group as one of its members sees it."""

    name: str
    topics: tuple[str, ...]
    session_ns: int


@dataclass(frozen=True, slots=True)
class Title:
    """Proof that a partition is a member's: both numbers are never given twice."""

    number: int  # of the partition
    member: int
    term: int


def renew(connection: sqlite3.Connection, team: Team, member: int | None, now_ns: int) -> int:
    """Prolong the member's lease and deal out what is due; return the member's number.

    Whoever is new, or was overdue and has been struck off, gets a new number.
    """
    deadline_ns = now_ns + team.session_ns
    with writing(connection):
        known = connection.execute(
            "UPDATE members SET deadline_ns = ? WHERE id = ?", (deadline_ns, member)
        ).rowcount
        if member is None or not known:
            member = _enlist(connection, team, deadline_ns)
        _settle(connection, team.name, now_ns)
    return member


def leave(connection: sqlite3.Connection, team: Team, member: int, now_ns: int) -> None:
    """Strike the member off and give its partitions to the others."""
    with writing(connection):
        connection.execute("DELETE FROM members WHERE id = ?", (member,))
        _settle(connection, team.name, now_ns)


def titles(connection: sqlite3.Connection, member: int) -> Mapping[Place, Title]:
    """Return what is the member's now."""
    rows = connection.execute(
        "SELECT topic, partition, place, term FROM owners JOIN places ON places.id = place"
        " WHERE member = ? ORDER BY topic, partition",
        (member,),
    )
    return {
        Place(topic, partition): Title(number, member, term)
        for topic, partition, number, term in rows
    }


def committed(connection: sqlite3.Connection, team: Team, place: Place) -> Commit | None:
    """Return the last commit of the group, whoever made it."""
    row = connection.execute(
        "SELECT commits.next, note FROM commits JOIN places ON places.id = place"
        " WHERE team = ? AND topic = ? AND partition = ?",
        (team.name, place.topic, place.partition),
    ).fetchone()
    return None if row is None else Commit(*row)


def commit(connection: sqlite3.Connection, team: Team, title: Title, at: Commit) -> bool:
    """Commit if the title still holds, in one statement; return whether it did."""
    written = connection.execute(
        "INSERT INTO commits SELECT team, place, ?, ? FROM owners"
        " WHERE team = ? AND place = ? AND member = ? AND term = ?"
        " ON CONFLICT (team, place) DO UPDATE SET next = excluded.next, note = excluded.note",
        (at.offset, at.note, team.name, title.number, title.member, title.term),
    ).rowcount
    return written == 1


def _enlist(connection: sqlite3.Connection, team: Team, deadline_ns: int) -> int:
    topics = msgspec.json.encode(team.topics).decode()
    row = (team.name, topics, deadline_ns)
    cursor = connection.execute(
        "INSERT INTO members (team, topics, deadline_ns) VALUES (?, ?, ?)", row
    )
    if cursor.lastrowid is None:
        raise RuntimeError("SQLite gave no number for the row it wrote")
    return cursor.lastrowid


def _settle(connection: sqlite3.Connection, team: str, now_ns: int) -> None:
    """Strike off who is overdue and make `owners` what it should be."""
    connection.execute("DELETE FROM members WHERE team = ? AND deadline_ns <= ?", (team, now_ns))
    due = _deal(connection, team)
    rows = connection.execute("SELECT place, member FROM owners WHERE team = ?", (team,))
    owners: dict[int, int] = dict(rows.fetchall())
    moved = [(team, place, who) for place, who in due.items() if owners.get(place) != who]
    connection.executemany(
        "INSERT INTO owners VALUES (?, ?, ?, 1)"
        " ON CONFLICT (team, place) DO UPDATE SET member = excluded.member, term = term + 1",
        moved,
    )
    connection.executemany(
        "DELETE FROM owners WHERE team = ? AND place = ?",
        [(team, place) for place in owners.keys() - due.keys()],
    )


def _deal(connection: sqlite3.Connection, team: str) -> dict[int, int]:
    """Return whose each partition should be: one after the other, members in order of arrival."""
    rows = connection.execute("SELECT id, topics FROM members WHERE team = ? ORDER BY id", (team,))
    members = [(member, msgspec.json.decode(topics)) for member, topics in rows]
    due: dict[int, int] = {}
    for topic in sorted({topic for _, topics in members for topic in topics}):
        readers = [member for member, topics in members if topic in topics]
        places = connection.execute(
            "SELECT id FROM places WHERE topic = ? ORDER BY partition", (topic,)
        )
        for (place,) in places:
            due[place] = readers[len(due) % len(readers)]
    return due
