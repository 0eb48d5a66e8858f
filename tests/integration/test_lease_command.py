"""`jellyfin-ha leases`: what is in a store, and how a person prepares, watches and frees it."""

from __future__ import annotations

import json
import os
import pty
import re
import select
import signal
import subprocess
import time
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from jellyfin_ha.cli import app
from jellyfin_ha.operations.errors import UserError
from jellyfin_ha.operations.leases import Endpoint, RoleLease, TranscodeSession, TranscodeSessions, seed
from jellyfin_ha.operations.leases.keys import fence_key, lease_key, session_key, stream_key
from tests.integration.conftest import RedisFactory
from tests.integration.lease_stores import COMMAND, command, environment, lead, seeded, stream, transcode
from tests.integration.processes import RedisServer, end, free_port, wait_until

pytestmark = pytest.mark.integration


def run(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["leases", *arguments])


def error(result: Result) -> UserError:
    assert isinstance(result.exception, UserError), result.output
    return result.exception


def status_of(server: RedisServer) -> dict[str, list[dict[str, object]]]:
    result = run("status", "--redis", server.url, "--json")
    assert result.exit_code == 0, result.output
    return json.loads(result.output)


def test_status_names_who_leads_and_every_session_and_stream(redis_server: RedisFactory) -> None:
    server = redis_server()
    with seeded(server.url) as store:
        term = lead(store, "jellyfin-1").term
        token = transcode(store, "film", last_segment=12, offset_ticks=36_610_000_000).token
        transcode(store, "abandoned", "jellyfin-9", expired=True)
        stream(store, "tuner", "s1", "jellyfin-1")
        wait_until(
            lambda: "expired 0 s ago" in run("status", "--redis", server.url).output, seconds=5, what="the lease's end"
        )

    printed = run("status", "--redis", server.url).output

    assert f"127.0.0.1:{server.port}: gives leases" in printed
    assert re.search(rf"^leader +jellyfin-1 +{term} +\d+\.\d s *$", printed, re.MULTILINE), printed
    assert re.search(rf"^film +jellyfin-0 +\d+\.\d s +1:01:01 +12 +{token} *$", printed, re.MULTILINE), printed
    assert re.search(r"^abandoned +jellyfin-9 +expired \d s ago +0:00:00", printed, re.MULTILINE), printed
    assert re.search(r"^tuner +s1 +jellyfin-1 +\d+\.\d s", printed, re.MULTILINE), printed
    assert "corrupt" not in printed


def test_the_json_has_the_same_in_a_form_that_stays(redis_server: RedisFactory) -> None:
    server = redis_server()
    with seeded(server.url) as store:
        term = lead(store, "jellyfin-1").term
        token = transcode(store, "film", last_segment=12, offset_ticks=5).token
        stream(store, "tuner", "s1")

    done = command("status", "--json", given={"JELLYFIN_HA_REDIS": server.url})

    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert list(found) == ["version", "store", "roles", "sessions", "streams", "corrupt"]
    assert found["version"] == 1
    assert found["store"] == {"place": f"127.0.0.1:{server.port}", "schema": "1", "unseeded": [], "pause_ms": 0}
    (role,), (session,), (live,) = found["roles"], found["sessions"], found["streams"]
    assert 0 < role.pop("left_ms") <= 30_000
    assert role == {"role": "leader", "leader": "jellyfin-1", "term": term}
    assert 0 < session.pop("left_ms") <= 30_000
    assert session == {
        "play_session_id": "film",
        "owner": "jellyfin-0",
        "expired_ms": 0,
        "offset_ticks": 5,
        "last_segment": 12,
        "media_source_id": "m1",
        "token": token,
    }
    assert 0 < live.pop("left_ms") <= 30_000
    assert str(live.pop("opened_at")).endswith("Z")
    assert isinstance(live.pop("token"), int)
    assert live == {
        "live_stream_id": "tuner",
        "session_id": "s1",
        "play_session_id": "play-s1",
        "owner": "jellyfin-0",
        "expired_ms": 0,
    }
    assert found["corrupt"] == []


def test_an_empty_redis_is_told_to_be_unseeded(redis_server: RedisFactory) -> None:
    server = redis_server()
    result = run("status", "--redis", server.url)
    assert result.exit_code == 0
    assert "not seeded for transcode, livestream; `jellyfin-ha leases seed` prepares it" in result.output
    assert "no role" in result.output
    assert status_of(server)["store"]["unseeded"] == ["transcode", "livestream"]  # type: ignore[call-overload]
    assert server.client().keys() == []


def test_a_store_that_was_seeded_a_moment_ago_is_told_to_give_no_lease_yet(redis_server: RedisFactory) -> None:
    server = redis_server()
    seed(Endpoint(server.url))
    printed = run("status", "--redis", server.url).output
    assert re.search(r"gives no lease for [56]\d\.\d s more", printed), printed
    assert re.search(r"^leader +- +\d+ +- *$", printed, re.MULTILINE), printed


def test_every_role_is_named_and_none_that_only_rehearses(redis_server: RedisFactory) -> None:
    server = redis_server()
    with seeded(server.url) as store:
        seed(Endpoint(server.url), role="tasks", pause_ms=0)
        server.client().set(fence_key("rehearsal-0123456789abcdef"), 1)
        lead(store, "jellyfin-0", role="tasks")
    roles = {one["role"]: one["leader"] for one in status_of(server)["roles"]}
    assert roles == {"leader": None, "tasks": "jellyfin-0"}


def test_what_is_corrupt_is_named_and_hides_nothing_else(redis_server: RedisFactory) -> None:
    server = redis_server()
    with seeded(server.url) as store:
        transcode(store, "film")
    client = server.client()
    client.set(session_key("broken"), "\x1b[31mno JSON")
    client.set(stream_key("t", "s"), '{"LiveStreamId":"t"}')
    client.set(lease_key("leader"), "nobody")
    client.set(lease_key("tasks"), json.dumps({"owner": "a", "term": 1}))

    found = status_of(server)

    assert [one["play_session_id"] for one in found["sessions"]] == ["film"]
    assert {str(one["key"]) for one in found["corrupt"]} == {
        *(session_key("broken"), stream_key("t", "s"), lease_key("leader"), lease_key("tasks"))
    }
    printed = run("status", "--redis", server.url).output
    assert f"corrupt  {session_key('broken')}" in printed
    assert "\x1b" not in printed


def test_text_in_redis_that_is_not_utf8_is_corrupt_and_hides_nothing_else(redis_server: RedisFactory) -> None:
    server = redis_server()
    with seeded(server.url) as store:
        transcode(store, "film")
    server.client().set(session_key("broken"), b'{"PlaySessionId":"broken\xff","OwnerPod":"a"}')
    server.client().set(b"jellyfin:transcode:\xff", b"\xff")
    done = command("status", "--redis", server.url)
    assert done.returncode == 0, done.stderr
    assert "film" in done.stdout
    assert done.stdout.count("corrupt  ") == 2
    released = command("release", "--redis", server.url, "--session", "broken", "--yes")
    assert released.returncode == 0, released.stderr
    assert not server.client().exists(session_key("broken"))


def test_seed_prepares_a_redis_and_says_what_it_saw(redis_server: RedisFactory) -> None:
    server = redis_server()
    done = command("seed", "--redis", server.url, "--memory-limit-bytes", str(128 << 20))
    assert done.returncode == 0, done.stderr
    assert "The lease store is fit: role leader seeded" in done.stdout
    assert "no lease is given for 60 s" in done.stdout
    assert "maxmemory-policy: noeviction" in done.stdout


def test_seed_has_a_form_for_programs(redis_server: RedisFactory) -> None:
    server = redis_server()
    done = command("seed", "--redis", server.url, "--role", "tasks", "--json")
    found = json.loads(done.stdout)
    assert list(found) == ["role", "created", "term", "pause_ms", "checks", "rehearsal"]
    assert (found["role"], found["created"]) == ("tasks", True)
    assert 0 < found["pause_ms"] <= 60_000
    assert {"name": "appendonly", "found": "yes"} in found["checks"]


def test_seed_refuses_a_redis_that_loses_leases(redis_server: RedisFactory) -> None:
    server = redis_server(settings={"appendonly": "no"})
    done = command("seed", "--redis", server.url)
    assert done.returncode == 1
    assert "appendonly: found no, expected yes" in done.stderr
    assert server.client().keys() == []


@pytest.mark.parametrize(
    "arguments",
    [
        ("status",),
        ("status", "--redis", "http://x"),
        ("watch", "--redis", "redis://host:port/0"),
        ("seed", "--redis", "redis://127.0.0.1", "--role", "A b"),
        ("release", "--redis", "redis://127.0.0.1"),
        ("release", "--redis", "redis://127.0.0.1", "--role", "leader", "--session", "x"),
    ],
)
def test_bad_use_ends_with_2(arguments: tuple[str, ...]) -> None:
    done = command(*arguments)
    assert done.returncode == 2, done.stdout
    assert "redis" in done.stderr.lower() or "expected" in done.stderr


@pytest.mark.parametrize("option", ["--session", "--stream", "--role"])
def test_an_odd_name_is_bad_use(option: str, redis_server: RedisFactory) -> None:
    assert command("release", "--redis", redis_server().url, option, "a\nb").returncode == 2


def test_a_redis_that_is_away_is_told_with_1_and_without_its_password() -> None:
    for action in ("status", "seed", "release"):
        further = ("--role", "leader") if action == "release" else ()
        done = command(action, "--redis", f"redis://:hidden@127.0.0.1:{free_port()}/0", *further)
        assert done.returncode == 1
        assert "does not answer" in done.stderr
        assert "hidden" not in done.stdout + done.stderr


def test_a_role_is_freed_whoever_holds_it_and_its_counter_stays(redis_server: RedisFactory) -> None:
    server = redis_server()
    with seeded(server.url) as store:
        won = lead(store, "jellyfin-0")
        done = command("release", "--redis", server.url, "--role", "leader", "--yes")
        assert done.returncode == 0, done.stderr
        assert f"role leader is held by jellyfin-0, token {won.term}, for " in done.stdout
        assert store.do(RoleLease("leader", "jellyfin-0", 1000).renew(won.term)) is None
        assert lead(store, "jellyfin-1").term > won.term


def test_a_session_is_freed_with_its_hold(redis_server: RedisFactory) -> None:
    server = redis_server()
    with seeded(server.url) as store:
        transcode(store, "film")
        transcode(store, "other")
    done = command("release", "--redis", server.url, "--session", "film", "--json", "--yes")
    (freed,) = json.loads(done.stdout)["released"]
    assert (freed["what"], freed["holder"]) == ("session film", "jellyfin-0")
    assert server.client().keys("*film*") == []
    assert [one["play_session_id"] for one in status_of(server)["sessions"]] == ["other"]


def test_a_live_stream_is_freed_for_all_its_clients_and_no_other_is(redis_server: RedisFactory) -> None:
    server = redis_server()
    with seeded(server.url) as store:
        stream(store, "tuner", "s1")
        stream(store, "tuner", "s2", "jellyfin-1")
        stream(store, "tuner2", "s1")
    done = command("release", "--redis", server.url, "--stream", "tuner", "--yes")
    assert done.returncode == 0, done.stderr
    assert "held by jellyfin-0" in done.stdout
    assert "held by jellyfin-1" in done.stdout
    assert [one["live_stream_id"] for one in status_of(server)["streams"]] == ["tuner2"]


def test_what_is_corrupt_can_be_freed(redis_server: RedisFactory) -> None:
    server = redis_server()
    client = server.client()
    client.set(session_key("x"), "garbage")
    client.set(stream_key("x", "s"), "garbage")
    client.set(lease_key("leader"), "garbage")
    for option, name in (("--session", "x"), ("--stream", "x"), ("--role", "leader")):
        done = command("release", "--redis", server.url, option, name, "--yes")
        assert done.returncode == 0, done.stderr
        assert "is corrupt" in done.stdout
    assert client.keys() == []


@pytest.mark.parametrize("option", ["--role", "--session", "--stream"])
def test_nothing_to_release_is_refused(option: str, redis_server: RedisFactory) -> None:
    server = redis_server()
    with seeded(server.url):
        done = command("release", "--redis", server.url, option, "nobody")
    assert done.returncode == 1
    assert "there is nothing to release" in done.stderr


def test_what_changed_meanwhile_is_left_alone(redis_server: RedisFactory) -> None:
    server = redis_server()
    with seeded(server.url) as store:
        token = transcode(store, "film").token
        won = lead(store, "jellyfin-0")
        for option, name in (("--session", "film"), ("--role", "leader")):
            terminal = Terminal("release", "--redis", server.url, option, name)
            try:
                terminal.wait_for("Free it?")
                further = TranscodeSession(play_session_id="film", owner="jellyfin-0", last_segment=1)
                store.do(TranscodeSessions().progress(further, token))
                if option == "--role":
                    store.do(RoleLease("leader", "jellyfin-0", 1000).release(won.term))
                    lead(store, "jellyfin-1")
                terminal.type("y\n")
                terminal.wait_for("is not as it was")
                assert terminal.process.wait(20) == 1
            finally:
                terminal.close()
    found = status_of(server)
    assert [one["last_segment"] for one in found["sessions"]] == [1]
    assert [one["leader"] for one in found["roles"]] == ["jellyfin-1"]


class Terminal:
    """The command on a terminal of its own."""

    def __init__(self, *arguments: str) -> None:
        self._master, slave = pty.openpty()
        os.set_blocking(self._master, False)
        self.process = subprocess.Popen(
            [*COMMAND, "leases", *arguments],
            env=environment(TERM="xterm", COLUMNS="150", LINES="40"),
            stdin=slave,
            stdout=slave,
            stderr=slave,
            start_new_session=True,
        )
        os.close(slave)
        self.text = ""

    def shows(self, words: str) -> bool:
        while select.select([self._master], [], [], 0)[0]:
            try:
                self.text += os.read(self._master, 65536).decode(errors="replace")
            except OSError:
                break
        return words in self.text

    def wait_for(self, words: str) -> None:
        wait_until(lambda: self.shows(words), seconds=20, what=f"{words!r} on the terminal")

    def forget(self) -> None:
        self.shows("")
        self.text = ""

    def type(self, text: str) -> None:
        os.write(self._master, text.encode())

    def close(self) -> None:
        end(self.process, gently=signal.SIGTERM)
        os.close(self._master)


def test_on_a_terminal_it_asks_first_and_no_means_no(redis_server: RedisFactory) -> None:
    server = redis_server()
    with seeded(server.url) as store:
        lead(store, "jellyfin-0")
        for answer, code, leader in (("n\n", 1, "jellyfin-0"), ("y\n", 0, None)):
            terminal = Terminal("release", "--redis", server.url, "--role", "leader")
            try:
                terminal.wait_for("Free it?")
                assert "held by jellyfin-0" in terminal.text
                terminal.type(answer)
                assert terminal.process.wait(20) == code
            finally:
                terminal.close()
            assert [one["leader"] for one in status_of(server)["roles"]] == [leader]


def test_where_nobody_can_be_asked_nothing_is_freed_without_yes(redis_server: RedisFactory) -> None:
    server = redis_server()
    with seeded(server.url) as store:
        lead(store, "jellyfin-0")
    done = command("release", "--redis", server.url, "--role", "leader")
    assert done.returncode == 2
    assert "expected --yes" in done.stderr
    assert [one["leader"] for one in status_of(server)["roles"]] == ["jellyfin-0"]


def test_yes_does_not_ask(redis_server: RedisFactory) -> None:
    server = redis_server()
    with seeded(server.url) as store:
        lead(store, "jellyfin-0")
    terminal = Terminal("release", "--redis", server.url, "--role", "leader", "--yes")
    try:
        assert terminal.process.wait(20) == 0
    finally:
        terminal.close()


def test_watch_updates_in_place_until_it_is_interrupted(redis_server: RedisFactory) -> None:
    server = redis_server()
    with seeded(server.url) as store:
        won = lead(store, "jellyfin-0")
        terminal = Terminal("watch", "--redis", server.url)
        try:
            terminal.wait_for("jellyfin-0")
            store.do(RoleLease("leader", "jellyfin-0", 1000).release(won.term))
            lead(store, "jellyfin-1")
            terminal.wait_for("jellyfin-1")
            # The cursor goes back up: what was shown is replaced.
            assert "\x1b[1A" in terminal.text
            terminal.process.send_signal(signal.SIGINT)
            assert terminal.process.wait(10) == 0
            assert not terminal.shows("Traceback")
        finally:
            terminal.close()


def test_watch_goes_on_while_redis_is_away(redis_server: RedisFactory) -> None:
    server = redis_server()
    with seeded(server.url) as store:
        lead(store, "jellyfin-0", lease_ms=60_000)
        terminal = Terminal("watch", "--redis", server.url)
        again: subprocess.Popen[bytes] | None = None
        try:
            terminal.wait_for("jellyfin-0")
            end(server.process, gently=signal.SIGTERM)
            terminal.forget()
            terminal.wait_for("does not answer")
            terminal.wait_for("Away for 2 s")
            assert "jellyfin-0" in terminal.text
            again = subprocess.Popen(server.process.args, stdout=subprocess.DEVNULL)
            terminal.forget()
            terminal.wait_for("gives leases")
            assert terminal.process.poll() is None
        finally:
            terminal.close()
            if again is not None:
                end(again, gently=signal.SIGTERM)


def test_watch_elsewhere_tells_each_change_in_a_line(redis_server: RedisFactory, tmp_path: Path) -> None:
    server = redis_server()
    output = tmp_path / "output"
    with seeded(server.url) as store, output.open("w") as sink:
        won = lead(store, "jellyfin-0")
        process = subprocess.Popen(
            [*COMMAND, "leases", "watch", "--redis", server.url], stdout=sink, stderr=sink, env=environment()
        )
        try:

            def told(words: str) -> None:
                wait_until(lambda: words in output.read_text(), seconds=20, what=words)

            told(f"role leader: jellyfin-0, term {won.term}")
            transcode(store, "film")
            told("session film: jellyfin-0, token ")
            server.client().delete(session_key("film"))
            told("session film: gone")
            os.kill(server.process.pid, signal.SIGSTOP)
            told("does not answer")
            os.kill(server.process.pid, signal.SIGCONT)
            told(f"Redis at 127.0.0.1:{server.port} answers")
            process.send_signal(signal.SIGINT)
            assert process.wait(10) == 0
        finally:
            os.kill(server.process.pid, signal.SIGCONT)
            end(process, gently=signal.SIGTERM)
    lines = output.read_text().splitlines()
    assert len([line for line in lines if "role leader" in line]) == 1, "nothing is told twice"
    assert all(re.match(r"\d\d:\d\d:\d\d ", line) for line in lines)


def test_watch_for_programs_prints_one_object_a_line(redis_server: RedisFactory) -> None:
    server = redis_server()
    with (
        seeded(server.url),
        subprocess.Popen(
            [*COMMAND, "leases", "watch", "--json", "--redis", server.url],
            stdout=subprocess.PIPE,
            text=True,
            env=environment(),
        ) as process,
    ):
        assert process.stdout is not None
        started = time.monotonic()
        for _ in range(3):
            assert json.loads(process.stdout.readline())["version"] == 1
        assert time.monotonic() - started < 15
        process.send_signal(signal.SIGINT)
        assert process.wait(10) == 0


def test_watch_ends_when_the_password_is_wrong(redis_server: RedisFactory) -> None:
    server = redis_server()
    done = command("watch", "--redis", server.url.replace(str(server.password), "mistaken"))
    assert done.returncode == 1
    assert "refuses the password" in done.stderr
    assert "mistaken" not in done.stderr
