"""A household's evening: a migrated user plays, a replica dies, the user goes on."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import httpx
import pytest
from jellyfin_apiclient_python import JellyfinClient
from jellyfin_apiclient_python.exceptions import HTTPException

from jellyfin_ha.lab.library import SAMPLE_USERS
from jellyfin_ha.lab.library.values import sample_token
from tests.e2e.conftest import Stack
from tests.e2e.household import SECOND, film, pod_address
from tests.integration.mediaserver_processes import PROFILE, logged_in
from tests.integration.processes import wait_until

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(900)]

DEVICE = "living-room-tv"
TRANSCODE_SECONDS = 90.0
FAILOVER_SECONDS = 60.0


def lines(playlist: str) -> list[str]:
    return [line for line in playlist.splitlines() if line and not line.startswith("#")]


def streams_of(content: bytes, folder: Path) -> list[dict[str, Any]]:
    path = folder / "segment.ts"
    path.write_bytes(content)
    command = ["ffprobe", "-v", "error", "-show_streams", "-of", "json", str(path)]
    return json.loads(subprocess.run(command, capture_output=True, check=True, timeout=60).stdout)["streams"]


def has_session(stack: Stack, pod: str, device: str) -> bool:
    """Whether a device has its session in this replica; sessions are known to their own process alone."""
    answer = httpx.get(f"{pod_address(stack, pod)}/Sessions", params={"ApiKey": sample_token("api key")}, timeout=30)
    return any(session["DeviceId"] == device for session in answer.json())


def test_the_migrated_users_see_their_library_and_their_positions(stack: Stack) -> None:
    url = stack.status()["url"]
    for user in SAMPLE_USERS:
        client = logged_in(url, user.name, user.password, f"sofa-{user.name}")
        try:
            assert {view["Name"] for view in client.jellyfin.get_views()["Items"]} == {"Movies", "Shows"}
            assert client.jellyfin.get_resume_items()["Items"], "the single server's positions came along"
        finally:
            client.stop()


def test_a_users_position_survives_the_replica_that_served_it(stack: Stack, tmp_path: Path) -> None:
    url, user = stack.status()["url"], SAMPLE_USERS[1]
    client = logged_in(url, user.name, user.password, DEVICE)
    item_id = film(client)["Id"]
    play = client.jellyfin.get_play_info(item_id, PROFILE)
    source = play["MediaSources"][0]
    report = {
        "ItemId": item_id,
        "MediaSourceId": source["Id"],
        "PlaySessionId": play["PlaySessionId"],
        "PositionTicks": 0,
        "PlayMethod": "Transcode",
        "CanSeek": True,
    }
    client.jellyfin.session_playing(report)

    transcoding = source["TranscodingUrl"]
    folder = transcoding.rpartition("/master.m3u8")[0]
    with httpx.Client(base_url=url, timeout=TRANSCODE_SECONDS) as player:
        main = player.get(f"{folder}/{lines(player.get(transcoding).text)[0]}")
        segment = player.get(f"{folder}/{lines(main.text)[30]}")
    assert segment.status_code == 200
    assert {stream["codec_name"] for stream in streams_of(segment.content, tmp_path)} == {"h264", "aac"}

    report["PositionTicks"] = 93 * SECOND
    client.jellyfin.session_progress(report)
    token = client.config.data["auth.token"]
    (served,) = (pod for pod in ("jellyfin-0", "jellyfin-1") if has_session(stack, pod, DEVICE))
    stack.kubectl("delete", "pod", served, "--wait=false")

    survivor = "jellyfin-1" if served == "jellyfin-0" else "jellyfin-0"
    refused = httpx.get(f"{pod_address(stack, survivor)}/Users/Me", params={"ApiKey": token}, timeout=30)
    assert refused.status_code == 401, "a process knows only the tokens that existed when it started, as Jellyfin does"

    again: list[JellyfinClient] = []

    def is_served_by_the_survivor() -> bool:
        # Until the nodes have heard of it, the terminating server may still answer, or nobody.
        try:
            again.append(logged_in(url, user.name, user.password, DEVICE))
        except (AssertionError, HTTPException):
            return False
        return has_session(stack, survivor, DEVICE)

    wait_until(is_served_by_the_survivor, seconds=FAILOVER_SECONDS, what="a log-in at the other replica")
    assert again[-1].jellyfin.get_item(item_id)["UserData"]["PlaybackPositionTicks"] == 93 * SECOND
    for each in again:
        each.stop()
    stack.kubectl("rollout", "status", "statefulset/jellyfin", "--timeout=120s")
