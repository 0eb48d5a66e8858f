"""The reference server, driven by the unmodified Python client library."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from jellyfin_apiclient_python import JellyfinClient

from tests.integration.mediaserver_processes import (
    PROFILE,
    SERVER_ID,
    MediaServerProcess,
    load_sample,
    logged_in,
    media_server,
    sample_library,
)
from tests.integration.processes import PostgresServer, wait_until

pytestmark = pytest.mark.integration

SECOND = 10_000_000


@pytest.fixture(scope="module")
def server(postgres_server: PostgresServer) -> Iterator[MediaServerProcess]:
    with postgres_server.database() as name:
        load_sample(postgres_server.conninfo(name), sample_library())
        with media_server(postgres_server.conninfo(name)) as process:
            yield process


@pytest.fixture
def alice(server: MediaServerProcess) -> Iterator[JellyfinClient]:
    client = logged_in(server.url, "alice", "alice-sample", "alice-test")
    yield client
    client.stop()


@pytest.fixture
def bob(server: MediaServerProcess) -> Iterator[JellyfinClient]:
    client = logged_in(server.url, "bob", "bob-sample", "bob-test")
    yield client
    client.stop()


def _film(client: JellyfinClient, name: str) -> dict[str, object]:
    found = client.jellyfin.get_user_items(
        recursive=True, include_item_types="Movie", start_index=0, limit=50, sort_by="SortName"
    )
    return next(item for item in found["Items"] if item["Name"] == name)


def _playlist_lines(text: str) -> list[str]:
    return [line for line in text.splitlines() if line and not line.startswith("#")]


def probe(content: bytes, folder: Path) -> dict[str, object]:
    """What ffprobe says of a segment."""
    path = folder / "segment.ts"
    path.write_bytes(content)
    command = ["ffprobe", "-v", "error", "-show_streams", "-show_format", "-of", "json", str(path)]
    return json.loads(subprocess.run(command, capture_output=True, check=True, timeout=60).stdout)


def test_the_server_says_who_it_is(server: MediaServerProcess) -> None:
    info = httpx.get(f"{server.url}/System/Info/Public").json()
    assert info["Id"] == SERVER_ID
    assert info["Version"] == "10.11.11"


def test_the_library_is_seen_as_it_was_left(alice: JellyfinClient) -> None:
    views = alice.jellyfin.get_views()["Items"]
    assert [(view["Name"], view["CollectionType"]) for view in views] == [
        ("Movies", "movies"),
        ("Shows", "tvshows"),
    ]
    films = alice.jellyfin.get_user_items(
        recursive=True, include_item_types="Movie", start_index=0, limit=2, sort_by="SortName"
    )
    assert [film["Name"] for film in films["Items"]] == ["Colour Bars", "Größe 100 %"]
    assert films["TotalRecordCount"] == 3
    series = alice.jellyfin.get_user_items(parent_id=views[1]["Id"])["Items"]
    assert [item["Name"] for item in series] == ["Signals"]
    episodes = alice.jellyfin.user_items(
        params={"ParentId": views[1]["Id"], "Recursive": True, "IncludeItemTypes": "Episode"}
    )["Items"]
    assert [item["Name"] for item in episodes] == ["Signal 1", "Signal 2"]


def test_an_item_carries_sources_streams_and_the_resume_position(bob: JellyfinClient) -> None:
    item = bob.jellyfin.get_item(_film(bob, "Test Card")["Id"])
    assert item["UserData"]["PlaybackPositionTicks"] == 200 * SECOND
    assert item["UserData"]["Key"] == "tt9900001"
    source = item["MediaSources"][0]
    assert source["Container"] == "mp4"
    assert [stream["Type"] for stream in source["MediaStreams"]] == ["Video", "Audio"]


def test_what_was_begun_is_listed_latest_first(alice: JellyfinClient) -> None:
    expected = ["Signal 1", "Test Card"]
    assert [i["Name"] for i in alice.jellyfin.get_resume_items()["Items"]] == expected
    assert [i["Name"] for i in alice.jellyfin._get("UserItems/Resume")["Items"]] == expected


def test_a_film_is_played_by_hls_and_the_position_is_kept(
    server: MediaServerProcess, bob: JellyfinClient, tmp_path: Path
) -> None:
    item_id = _film(bob, "Colour Bars")["Id"]
    info = bob.jellyfin.get_play_info(item_id, PROFILE)
    source, play_session = info["MediaSources"][0], info["PlaySessionId"]
    report = {
        "ItemId": item_id,
        "MediaSourceId": source["Id"],
        "PlaySessionId": play_session,
        "PositionTicks": 0,
        "PlayMethod": "Transcode",
        "CanSeek": True,
    }
    bob.jellyfin.post_capabilities({"PlayableMediaTypes": ["Video"], "SupportsMediaControl": True})
    bob.jellyfin.session_playing(report)

    with httpx.Client(base_url=server.url, timeout=60, headers={"User-Agent": "player"}) as player:
        master = player.get(source["TranscodingUrl"])
        assert "RESOLUTION=426x240" in master.text
        folder = source["TranscodingUrl"].rpartition("/master.m3u8")[0]
        main = player.get(f"{folder}/{_playlist_lines(master.text)[0]}")
        segments = _playlist_lines(main.text)
        assert len(segments) == 130
        first = player.get(f"{folder}/{segments[0]}")
        later = player.get(f"{folder}/{segments[40]}")
        second = player.get(f"{folder}/{segments[1]}")

    for response in (first, later, second):
        assert response.status_code == 200
    streams = probe(first.content, tmp_path)["streams"]
    assert {stream["codec_name"] for stream in streams} == {"h264", "aac"}
    # The encoder was started anew at segment 40, and its times are the film's.
    at = float(probe(later.content, tmp_path)["streams"][0]["start_time"])
    assert at - float(probe(first.content, tmp_path)["streams"][0]["start_time"]) == pytest.approx(120, abs=0.5)

    sessions = bob.jellyfin.get_sessions()
    assert sessions[0]["NowPlayingItem"]["Id"] == item_id
    report["PositionTicks"] = 120 * SECOND
    bob.jellyfin.session_progress(report)
    assert bob.jellyfin.get_item(item_id)["UserData"]["PlaybackPositionTicks"] == 120 * SECOND
    report["PositionTicks"] = 150 * SECOND
    bob.jellyfin.session_stop(report)
    assert bob.jellyfin.get_item(item_id)["UserData"]["PlaybackPositionTicks"] == 150 * SECOND
    bob.jellyfin.close_transcode("bob-test", play_session)
    wait_until(lambda: not list(server.transcodes.glob("*.ts")), seconds=10, what="segments being deleted")


def test_the_original_file_is_sent_whole_or_in_parts(server: MediaServerProcess, bob: JellyfinClient) -> None:
    item_id = _film(bob, "Größe 100 %")["Id"]
    path = next(sample_library().media.glob("movies/Gr*/*.mp4"))
    with httpx.Client(base_url=server.url) as player:
        address = f"/Videos/{item_id}/stream?static=true"
        assert player.get(address).content == path.read_bytes()
        part = player.get(address, headers={"Range": "bytes=100-199"})
        assert (part.status_code, part.content) == (206, path.read_bytes()[100:200])
        assert part.headers["Content-Range"] == f"bytes 100-199/{path.stat().st_size}"
        beyond = player.get(address, headers={"Range": f"bytes={path.stat().st_size}-"})
        assert beyond.status_code == 416
        assert player.head(address).headers["Accept-Ranges"] == "bytes"


def test_a_wrong_password_is_refused_and_logged_with_the_clients_address(server: MediaServerProcess) -> None:
    answer = httpx.post(
        f"{server.url}/Users/AuthenticateByName",
        json={"Username": "bob", "Pw": "wrong"},
        headers={
            "Authorization": 'MediaBrowser Client="a", Device="b", DeviceId="c", Version="1"',
            "X-Forwarded-For": "203.0.113.9",
        },
    )
    assert (answer.status_code, answer.text) == (401, "Error processing request.")
    line = "UserManager: Authentication request for bob has been denied (IP: 203.0.113.9)."
    assert line in server.log


def test_logging_out_makes_the_token_worthless(server: MediaServerProcess) -> None:
    client = logged_in(server.url, "bob", "bob-sample", "bob-leaves")
    token = client.config.data["auth.token"]
    client.jellyfin.sessions("/Logout", "POST")
    client.stop()
    answer = httpx.get(f"{server.url}/Users/Me", headers={"Authorization": f'MediaBrowser Token="{token}"'})
    assert (answer.status_code, answer.text) == (401, "")


def test_only_administrators_see_scheduled_tasks(alice: JellyfinClient, bob: JellyfinClient) -> None:
    keys = [task["Key"] for task in alice.jellyfin._get("ScheduledTasks")]
    assert len(keys) == 20
    assert "RefreshLibrary" in keys
    with pytest.raises(Exception, match="403"):
        bob.jellyfin._get("ScheduledTasks")
