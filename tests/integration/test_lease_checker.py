"""The checker of the lease torture finds what must not happen, in logs that were made up to hold it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from tests.integration.lease_checker import violations
from tests.integration.lease_log import Entry, Logs, What

A, B, READER = "jellyfin-0#1", "jellyfin-1#1", "reader#1"
ROLE, SESSION = "role:leader", "session:a"

# A leads from 0 to 10 and renews until 14, B from 15 on.
LEADERS = (
    Entry(A, What.GRANTED, at=0.1, asked=0.0, name=ROLE, token=5, ends=10.0, how="acquire"),
    Entry(A, What.RENEWED, at=4.1, asked=4.0, name=ROLE, token=5, ends=14.0),
    Entry(A, What.WROTE, at=5.1, asked=5.0, name=ROLE, token=5, accepted=True),
    Entry(B, What.GRANTED, at=15.1, asked=15.0, name=ROLE, token=6, ends=25.0, how="acquire"),
    Entry(A, What.WROTE, at=16.1, asked=16.0, name=ROLE, token=5, accepted=False),
)
# A creates a session and reports segment 3, B takes it over and reports segment 4; it is found.
MADE = {"name": SESSION, "life": "a 1"}
CREATED = Entry(A, What.GRANTED, at=0.1, asked=0.0, token=1, ends=1.0, how="create", segment=0, retention=300.0, **MADE)
REPORTED = Entry(A, What.WROTE, at=0.3, asked=0.2, token=1, how="progress", accepted=True, segment=3, **MADE)
TAKEN = Entry(
    B, What.GRANTED, at=2.1, asked=2.0, token=2, ends=3.0, how="take over", segment=3, retention=300.0, **MADE
)
FURTHER = Entry(B, What.WROTE, at=2.3, asked=2.2, token=2, how="progress", accepted=True, segment=4, **MADE)
FOUND = Entry(READER, What.FOUND, at=9.1, asked=9.0, token=2, segment=4, **MADE)
LISTED = Entry(READER, What.LISTED, at=9.2, asked=9.0)
SESSIONS = (CREATED, REPORTED, TAKEN, FURTHER, FOUND, LISTED)


def _found(*entries: Entry) -> list[str]:
    """What is wrong, by its first words."""
    return [words.partition(":")[0] for words in violations(sorted(entries, key=lambda entry: entry.at))]


def _without(entries: tuple[Entry, ...], *left_out: Entry) -> list[Entry]:
    return [entry for entry in entries if entry not in left_out]


def test_nothing_is_wrong_with_leases_that_keep_their_promises() -> None:
    assert _found(*LEADERS, *SESSIONS) == []


def test_two_owners_at_once_are_found() -> None:
    early = replace(LEADERS[3], asked=13.0, at=13.1)
    assert _found(*LEADERS[:3], early) == ["two owners at once"]
    taken_early = replace(TAKEN, asked=0.5, at=0.6)
    assert _found(CREATED, taken_early, FOUND, LISTED) == ["two owners at once"]


def test_two_owners_at_once_are_found_behind_a_short_one_between() -> None:
    short = Entry(B, What.GRANTED, at=15.1, asked=15.0, name=ROLE, token=6, ends=15.2, how="acquire")
    assert _found(replace(LEADERS[0], ends=30.0), short, replace(short, asked=16.0, at=16.1, ends=20.0, token=7)) == [
        *(["two owners at once"] * 2)
    ]


def test_one_who_stopped_before_is_no_owner() -> None:
    stopped = Entry(A, What.STOPPED, at=12.0, name=ROLE, token=5)
    early = replace(LEADERS[3], asked=13.0, at=13.1)
    assert _found(*LEADERS[:3], stopped, early) == []
    assert _found(*LEADERS[:3], replace(stopped, at=13.2), early) == ["two owners at once"]


def test_a_leader_that_was_deposed_is_no_owner_but_must_not_write() -> None:
    deposing = Entry(B, What.DEPOSING, at=13.0, name=ROLE, deposed=5, how="x")
    early = replace(LEADERS[3], asked=13.0, at=13.1, how="depose")
    stopped = Entry(A, What.STOPPED, at=13.5, name=ROLE, token=5, why="deposed")
    forced = (*LEADERS[:3], deposing, early, stopped)
    assert _found(*forced) == []
    write = Entry(A, What.WROTE, at=13.4, asked=13.3, name=ROLE, token=5, accepted=True)
    assert _found(*forced, write) == ["a stale write"]
    assert _found(*forced, replace(write, what=What.RENEWED, ends=23.3)) == ["a stale write"]
    refused = Entry(B, What.REFUSED, at=13.05, name=ROLE, how="x")
    assert _found(*forced, refused) == ["two owners at once", "lost early"]


def test_a_token_that_was_given_twice_is_found() -> None:
    assert _found(*LEADERS[:3], replace(LEADERS[3], token=5)) == ["a token twice"]
    other = Entry(B, What.GRANTED, at=5.1, asked=5.0, name="session:b", token=2, ends=6.0, how="create", retention=300)
    assert _found(*SESSIONS[:5], other) == ["a token twice"]
    assert _found(*LEADERS, replace(other, name="role:cleaner")) == []


def test_a_token_that_shrinks_is_found() -> None:
    assert _found(*LEADERS[:3], replace(LEADERS[3], token=4)) == ["a shrinking token"]


def test_grants_whose_order_is_not_known_may_have_any_tokens() -> None:
    late = Entry(B, What.GRANTED, at=15.1, asked=0.05, name=ROLE, token=4, ends=10.0, how="acquire")
    assert _found(*LEADERS[:3], late) == []


def test_a_stale_write_is_found() -> None:
    assert _found(*LEADERS[:4], replace(LEADERS[4], accepted=True)) == ["a stale write"]
    stale = replace(REPORTED, asked=2.4, at=2.5, segment=4)
    assert _found(*SESSIONS, stale) == ["a stale write"]


def test_a_deleted_session_that_comes_back_is_found() -> None:
    deleted = [
        Entry(B, What.DELETING, at=3.0, name=SESSION, token=2),
        Entry(B, What.DELETED, at=3.2, asked=3.1, token=2, segment=4, **MADE),
    ]
    gone = _without(SESSIONS, FOUND)
    assert _found(*gone, *deleted) == []
    assert _found(*gone, *deleted, replace(FURTHER, asked=3.3, at=3.4)) == ["a stale write"]
    assert "a stale write" in _found(*SESSIONS, *deleted)


def test_a_lease_that_was_taken_before_its_end_is_found() -> None:
    stopped = Entry(A, What.STOPPED, at=13.0, name=ROLE, token=5, why="deposed")
    assert _found(*LEADERS[:3], stopped) == ["lost early"]
    assert _found(*LEADERS[:3], replace(stopped, at=14.1)) == []
    lost = Entry("torture", What.LOST, at=12.5, asked=12.4)
    assert _found(*LEADERS[:3], stopped, lost) == []


@pytest.mark.parametrize("entry", [replace(TAKEN, segment=2), replace(FURTHER, segment=2), replace(FOUND, segment=3)])
def test_progress_that_goes_back_is_found(entry: Entry) -> None:
    others = [other for other in SESSIONS if (other.what, other.at) != (entry.what, entry.at)]
    assert "progress went back" in _found(*others, entry)


def test_a_session_that_is_made_anew_starts_from_nothing() -> None:
    deleting = Entry(B, What.DELETING, at=3.0, name=SESSION, token=2)
    anew = replace(CREATED, asked=4.0, at=4.1, ends=5.0, token=3, life="a 2")
    assert _found(*SESSIONS[:4], deleting, anew, replace(FOUND, life="a 2", token=3, segment=0), LISTED) == []


def test_a_lost_record_is_found() -> None:
    gone = _without(SESSIONS, FOUND)
    assert _found(*gone) == ["a lost record"]
    absent = Entry(B, What.REFUSED, at=3.1, asked=3.0, name=SESSION, token=2, how="renew", why="absent")
    assert _found(*SESSIONS, absent) == ["a lost record"]
    anew = replace(CREATED, asked=4.0, at=4.1, ends=5.0, token=3, life="a 2")
    assert _found(*gone, anew, replace(FOUND, life="a 2", token=3, segment=0)) == ["a lost record"]


def test_a_record_may_go_by_deletion_by_its_age_or_with_the_data_of_redis() -> None:
    gone = _without(SESSIONS, FOUND)
    assert _found(*gone, Entry(B, What.DELETING, at=3.0, name=SESSION, token=2)) == []
    assert _found(*gone, Entry("torture", What.LOST, at=4.1, asked=4.0)) == []
    assert _found(*(replace(entry, retention=min(entry.retention, 5.0)) for entry in gone)) == []


def test_a_record_must_not_go_by_what_came_before_it() -> None:
    gone = _without(SESSIONS, FOUND)
    assert _found(*gone, Entry(A, What.DELETING, at=1.9, name=SESSION, token=1)) == ["a lost record"]
    assert _found(*gone, Entry("torture", What.LOST, at=1.9, asked=1.8)) == ["a lost record"]
    assert _found(*(replace(entry, retention=min(entry.retention, 8.0)) for entry in gone)) == ["a lost record"]


def test_a_last_line_that_was_cut_is_left_out(tmp_path: Path) -> None:
    log = tmp_path / "a.log"
    logs = Logs(tmp_path)
    log.write_text(f"{LEADERS[0].line()}\n{LEADERS[1].line()[:20]}")
    assert logs.entries() == [LEADERS[0]]
    log.write_text(f"{LEADERS[0].line()}\n{LEADERS[1].line()}\n")
    assert logs.entries() == list(LEADERS[:2])
