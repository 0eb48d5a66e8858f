"""docs/leases.md: what it shows can be done."""

from __future__ import annotations

import json
import re
import shlex
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from jellyfin_ha.operations.leases.connection import FORM
from jellyfin_ha.operations.leases.keys import SCHEMA_KEY, fence_key, hold_key, lease_key, pause_key, session_key
from jellyfin_ha.operations.leases.records import LiveStream, StoredSession
from tests.integration.conftest import RedisFactory
from tests.integration.lease_stores import COMMAND, environment, lead, seeded, stream, transcode
from tests.integration.processes import RedisServer

pytestmark = pytest.mark.integration

PAGE = (Path(__file__).parents[2] / "docs" / "leases.md").read_text()
COMMANDS = re.findall(r"^    (jellyfin-ha leases .*)$", PAGE, flags=re.MULTILINE)
PROGRAMS = re.findall(r"```python\n(.*?)```", PAGE, flags=re.DOTALL)
(EXAMPLE,) = re.findall(r"```json\n(.*?)```", PAGE, flags=re.DOTALL)
SAID = (
    r"transcodes from 0 with token \d+\n",
    r"0a1b2c is open at jellyfin-0\n",
    r"leads, term \d+\n",
    r"Elected\(.*\)\nleads, term \d+ True\nEnded\(.*\)\n",
)


@pytest.fixture
def server(redis_server: RedisFactory) -> Iterator[RedisServer]:
    """A seeded store."""
    server = redis_server()
    with seeded(server.url):
        yield server


def filled(server: RedisServer) -> None:
    with seeded(server.url) as store:
        lead(store, "jellyfin-0")
        transcode(store, "f81d4fae")
        stream(store, "0a1b2c", "s1")
    server.client().set(session_key("x"), "garbage")


@pytest.mark.parametrize("line", COMMANDS)
def test_every_command_does_what_the_page_says(line: str, server: RedisServer) -> None:
    filled(server)
    program, *arguments = shlex.split(line)
    assert program == "jellyfin-ha"
    with subprocess.Popen(
        [*COMMAND, *arguments],
        env=environment(JELLYFIN_HA_REDIS=server.url),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        if "watch" in arguments:
            assert process.stdout is not None
            assert "the store: gives leases" in process.stdout.readline()
            process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=60)
        assert process.returncode == 0, errors
    held = {
        "--role": lease_key("leader"),
        "--session": session_key("f81d4fae"),
        "--stream": "jellyfin:livestream:0a1b2c:s1",
    }
    freed = {key for option, key in held.items() if option in arguments}
    assert {key for key in held.values() if not server.client().exists(key)} == freed


def test_all_four_commands_are_on_the_page() -> None:
    assert {line.split()[2] for line in COMMANDS} == {"status", "seed", "watch", "release"}


@pytest.mark.parametrize(("program", "said"), list(zip(PROGRAMS, SAID, strict=True)))
def test_every_program_runs(program: str, said: str, server: RedisServer) -> None:
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", program],
        env=environment(JELLYFIN_HA_REDIS=server.url),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert re.fullmatch(said, done.stdout), done.stdout
    # Each hands over what it had.
    assert server.client().exists(lease_key("leader"), session_key("f81d4fae")) == 0


def test_the_json_has_the_form_on_the_page(server: RedisServer) -> None:
    filled(server)
    printed = subprocess.check_output(
        [*COMMAND, "leases", "status", "--json"], env=environment(JELLYFIN_HA_REDIS=server.url), timeout=60
    )
    assert _form(json.loads(printed)) == _form(json.loads(EXAMPLE))


def test_the_page_names_every_key_and_field() -> None:
    keys = (pause_key("x")[:-1], SCHEMA_KEY, fence_key("x")[:-1], lease_key("x")[:-1], hold_key(""), session_key(""))
    fields = [field.alias for model in (StoredSession, LiveStream) for field in model.model_fields.values()]
    assert [word for word in (*keys, *map(str, fields), FORM.split()[0].rstrip(",")) if f"`{word}" not in PAGE] == []


def _form(value: object) -> object:
    """The names and types, without the values."""
    if isinstance(value, Mapping):
        return {name: _form(part) for name, part in value.items()}
    if isinstance(value, list):
        return [_form(part) for part in value[:1]]
    return type(value).__name__
