"""Two servers on one database hurt each other, as Jellyfin's do."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import httpx
import psycopg
import pytest
from jellyfin_apiclient_python import JellyfinClient
from jellyfin_apiclient_python.exceptions import HTTPException

from tests.integration.mediaserver_processes import (
    PROFILE,
    MediaServerProcess,
    load_sample,
    logged_in,
    media_server,
    sample_library,
    with_token,
)
from tests.integration.processes import PostgresServer, wait_until

pytestmark = pytest.mark.integration

SECOND = 10_000_000
TEST_CARD = "Test Card"


@pytest.fixture(scope="module")
def template(postgres_server: PostgresServer) -> Iterator[str]:
    with postgres_server.database() as name:
        load_sample(postgres_server.conninfo(name), sample_library())
        yield name


@pytest.fixture
def database(postgres_server: PostgresServer, template: str) -> Iterator[str]:
    with postgres_server.database(template=template) as name:
        yield postgres_server.conninfo(name)


@pytest.fixture
def first(database: str) -> Iterator[MediaServerProcess]:
    with media_server(database) as server:
        yield server


@pytest.fixture
def second(database: str) -> Iterator[MediaServerProcess]:
    with media_server(database) as server:
        yield server


def _item(client: JellyfinClient) -> dict:
    found = client.jellyfin.get_user_items(recursive=True, search_term=TEST_CARD, include_item_types="Movie")
    return found["Items"][0]


def _position(client: JellyfinClient) -> int:
    return _item(client)["UserData"]["PlaybackPositionTicks"]


def _report(item: dict, seconds: int, play_session: str = "") -> dict:
    return {
        "ItemId": item["Id"],
        "PlaySessionId": play_session,
        "PositionTicks": seconds * SECOND,
        "PlayMethod": "DirectPlay",
        "CanSeek": True,
    }


def test_a_token_is_refused_by_the_other_running_process_and_known_to_one_started_later(
    database: str, first: MediaServerProcess, second: MediaServerProcess
) -> None:
    client = logged_in(first.url, "bob", "bob-sample", "bobs-tv")

    with pytest.raises(HTTPException, match="Unauthorized"):
        with_token(second.url, client, "bobs-tv").jellyfin.get_views()
    token = client.config.data["auth.token"]
    assert httpx.get(f"{second.url}/Users/Me?ApiKey={token}").status_code == 401

    with media_server(database) as third:
        assert with_token(third.url, client, "bobs-tv").jellyfin.get_views()["TotalRecordCount"] == 2


def test_with_tokens_read_at_each_request_the_other_process_would_know_them(
    database: str, first: MediaServerProcess
) -> None:
    with media_server(database, {"JELLYFIN_HA_REFERENCE_TOKENS": "db"}) as better:
        client = logged_in(first.url, "bob", "bob-sample", "bobs-tv")
        assert with_token(better.url, client, "bobs-tv").jellyfin.get_views()["TotalRecordCount"] == 2


def test_the_position_is_found_after_logging_in_again_at_the_other_process(
    first: MediaServerProcess, second: MediaServerProcess
) -> None:
    at_first = logged_in(first.url, "bob", "bob-sample", "bobs-tv")
    item = _item(at_first)
    at_first.jellyfin.session_playing(_report(item, 0))
    at_first.jellyfin.session_progress(_report(item, 250))
    first.process.kill()

    at_second = logged_in(second.url, "bob", "bob-sample", "bobs-tv")
    assert _position(at_second) == 250 * SECOND


def test_a_process_that_has_read_user_data_goes_stale_and_writes_the_stale_row_back(
    database: str, first: MediaServerProcess, second: MediaServerProcess
) -> None:
    at_first = logged_in(first.url, "bob", "bob-sample", "bobs-tv")
    at_second = logged_in(second.url, "bob", "bob-sample", "bobs-phone")
    item = _item(at_first)
    assert _position(at_second) == 200 * SECOND

    at_first.jellyfin.session_playing(_report(item, 0))
    at_first.jellyfin.session_progress(_report(item, 300))
    assert _position(at_first) == 300 * SECOND
    assert _position(at_second) == 200 * SECOND

    # The start of a playback writes no position of its own, and yet the old one comes back.
    at_second.jellyfin.session_playing(_report(item, 0))
    with psycopg.connect(database) as connection:
        rows = connection.execute(
            'SELECT DISTINCT d."PlaybackPositionTicks", d."PlayCount" FROM "UserData" d '
            'JOIN "Users" u ON u."Id" = d."UserId" WHERE u."Username" = %s AND d."ItemId" = %s::uuid',
            ("bob", item["Id"]),
        ).fetchall()
    # Played twice, counted once more than before.
    assert rows == [(200 * SECOND, 2)]


def test_an_abandoned_playback_is_saved_at_a_guessed_position_over_the_real_one(database: str) -> None:
    with (
        media_server(database, {"JELLYFIN_HA_REFERENCE_IDLE_SECONDS": "3"}) as first,
        media_server(database) as second,
    ):
        at_first = logged_in(first.url, "bob", "bob-sample", "bobs-tv")
        at_second = logged_in(second.url, "bob", "bob-sample", "bobs-tv")
        item = _item(at_first)
        at_first.jellyfin.session_playing(_report(item, 0))
        at_first.jellyfin.session_progress(_report(item, 100))

        at_second.jellyfin.session_progress(_report(item, 300))
        assert _position(at_second) == 300 * SECOND

        def stored() -> int:
            with psycopg.connect(database) as connection:
                row = connection.execute(
                    'SELECT d."PlaybackPositionTicks" FROM "UserData" d JOIN "Users" u ON u."Id" = d."UserId" '
                    "WHERE u.\"Username\" = 'bob' AND d.\"CustomDataKey\" = 'tt9900001'"
                ).fetchone()
            assert row is not None
            return row[0] // SECOND

        wait_until(lambda: stored() != 300, seconds=15, what="the first server saving its guess")
        assert 102 <= stored() <= 110


def test_a_transcode_goes_on_in_another_process_that_knows_the_token(database: str, tmp_path: Path) -> None:
    with media_server(database) as first:
        client = logged_in(first.url, "bob", "bob-sample", "bobs-tv")
        info = client.jellyfin.get_play_info(_item(client)["Id"], PROFILE)
        address = info["MediaSources"][0]["TranscodingUrl"]
        main = address.replace("master.m3u8", "main.m3u8")
        playlist = httpx.get(first.url + main).text
        segments = [line for line in playlist.splitlines() if line.startswith("hls1/")]
        folder = address.rpartition("/")[0]
        assert httpx.get(f"{first.url}{folder}/{segments[20]}", timeout=60).status_code == 200
        first.process.kill()

        with media_server(database) as second:
            assert httpx.get(second.url + main).text == playlist
            answer = httpx.get(f"{second.url}{folder}/{segments[21]}", timeout=60)
            assert answer.status_code == 200
            assert "at segment 21" in second.log


def test_the_first_playback_of_a_process_wipes_a_transcode_folder_it_shares(database: str, tmp_path: Path) -> None:
    of_another = tmp_path / "abc0.ts"
    of_another.write_bytes(b"somebody else's segment")
    with media_server(database) as server:
        client = logged_in(server.url, "bob", "bob-sample", "bobs-tv")
        shared = server.transcodes
        shared.mkdir()
        of_another.rename(shared / of_another.name)
        client.jellyfin.get_views()
        assert (shared / of_another.name).exists()
        client.jellyfin.session_playing(_report(_item(client), 0))
        assert not (shared / of_another.name).exists()


def test_a_token_revoked_elsewhere_stays_good_and_costs_one_failed_request(
    first: MediaServerProcess, database: str
) -> None:
    client = logged_in(first.url, "bob", "bob-sample", "bobs-tv")
    token = client.config.data["auth.token"]
    with media_server(database) as second:
        client.jellyfin.sessions("/Logout", "POST")
        # A changed version makes the server write the row that is no longer there.
        form = 'MediaBrowser Client="hatest", Device="box", DeviceId="bobs-tv", Version="{}", Token="{}"'

        def status(version: str) -> int:
            headers = {"Authorization": form.format(version, token)}
            return httpx.get(f"{second.url}/Users/Me", headers=headers).status_code

        assert [status("1.0"), status("2.0"), status("2.0")] == [200, 500, 200]
