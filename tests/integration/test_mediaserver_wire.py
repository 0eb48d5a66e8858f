"""The conventions of Jellyfin's HTTP API that clients rely on without knowing."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest

from jellyfin_ha.lab.library.values import sample_token
from tests.integration.mediaserver_processes import (
    MediaServerProcess,
    load_sample,
    logged_in,
    media_server,
    sample_library,
)
from tests.integration.processes import PostgresServer

pytestmark = pytest.mark.integration

HEADER = 'MediaBrowser Client="hatest", Device="box", DeviceId="{}", Version="1.0", Token="{}"'


@pytest.fixture(scope="module")
def server(postgres_server: PostgresServer) -> Iterator[MediaServerProcess]:
    with postgres_server.database() as name:
        load_sample(postgres_server.conninfo(name), sample_library())
        with media_server(postgres_server.conninfo(name)) as process:
            yield process


@pytest.fixture(scope="module")
def bob(server: MediaServerProcess) -> Iterator[httpx.Client]:
    token = logged_in(server.url, "bob", "bob-sample", "wire").config.data["auth.token"]
    with httpx.Client(base_url=server.url, headers={"Authorization": HEADER.format("wire", token)}) as client:
        yield client


def _token(client: httpx.Client) -> str:
    return client.headers["Authorization"].rpartition('Token="')[2].rstrip('"')


@pytest.mark.parametrize("prefix", ["", "/emby", "/mediabrowser", "/EMBY"])
def test_paths_are_found_in_any_case_and_under_the_old_prefixes(server: MediaServerProcess, prefix: str) -> None:
    for path in ("/System/Ping", "/system/ping", "/SYSTEM/PING/"):
        answer = httpx.get(server.url + prefix + path)
        assert answer.json() == "Jellyfin Server"
        assert "Date" in answer.headers


def test_ids_are_taken_with_and_without_dashes_and_lists_in_both_forms(bob: httpx.Client) -> None:
    films = bob.get("/Items?Recursive=true&includeItemTypes=Movie&includeitemtypes=Series").json()
    assert films["TotalRecordCount"] == 4
    assert bob.get("/items?recursive=TRUE&IncludeItemTypes=Movie,Series").json() == films
    item = films["Items"][0]["Id"]
    dashed = f"{item[:8]}-{item[8:12]}-{item[12:16]}-{item[16:20]}-{item[20:]}"
    assert bob.get(f"/Items/{dashed}").json() == bob.get(f"/Items/{item}").json()


def test_paging_echoes_the_start_and_counts_everything(bob: httpx.Client) -> None:
    page = bob.get("/Items?recursive=true&mediaTypes=Video&sortBy=SortName&startIndex=1&limit=2").json()
    assert (page["StartIndex"], len(page["Items"]), page["TotalRecordCount"]) == (1, 2, 5)
    uncounted = bob.get("/Items?recursive=true&enableTotalRecordCount=false").json()
    assert uncounted["TotalRecordCount"] == 0


def test_without_a_folder_the_views_are_listed(bob: httpx.Client) -> None:
    assert [item["Name"] for item in bob.get("/Items").json()["Items"]] == ["Movies", "Shows"]


def test_filters_follow_the_users_data(bob: httpx.Client) -> None:
    def names(query: str) -> list[str]:
        return [item["Name"] for item in bob.get(f"/Items?recursive=true&{query}").json()["Items"]]

    assert names("filters=IsFavorite") == ["Größe 100 %"]
    assert names("filters=IsResumable") == ["Test Card"]
    assert names("searchTerm=bars") == ["Colour Bars"]


def test_a_folder_is_listed_by_itself_or_with_all_below_it(bob: httpx.Client) -> None:
    shows = bob.get("/UserViews").json()["Items"][1]["Id"]
    direct = bob.get(f"/Items?parentId={shows}").json()["Items"]
    assert [item["Type"] for item in direct] == ["Series"]
    below = bob.get(f"/Items?parentId={shows}&recursive=true").json()["Items"]
    assert sorted(item["Type"] for item in below) == ["Episode", "Episode", "Season", "Series"]


def test_errors_have_jellyfins_forms(bob: httpx.Client, server: MediaServerProcess) -> None:
    unknown = "0" * 31 + "9"
    assert bob.get(f"/Items/{unknown}").status_code == 404
    assert bob.get("/Items/nonsense").status_code == 400
    assert bob.get(f"/Users/{unknown}").json() == "User not found"
    assert bob.get("/NoSuchThing").status_code == 404
    assert bob.get("/Sessions/Playing").status_code == 405
    assert bob.delete("/Videos/ActiveEncodings?deviceId=x").status_code == 400
    assert bob.delete("/Videos/ActiveEncodings?deviceId=x&playSessionId=y").status_code == 204
    stranger = httpx.get(f"{server.url}/UserViews")
    assert (stranger.status_code, stranger.content) == (401, b"")


def test_another_users_data_is_forbidden_to_all_but_administrators(
    bob: httpx.Client, server: MediaServerProcess
) -> None:
    alice = logged_in(server.url, "alice", "alice-sample", "wire-alice").config.data
    path = "/Users/{}/Items/Resume"
    assert bob.get(path.format(alice["auth.user_id"])).status_code == 403
    bob_id = bob.get("/Users/Me").json()["Id"]
    answer = httpx.get(f"{server.url}{path.format(bob_id)}?ApiKey={alice['auth.token']}")
    assert [item["Name"] for item in answer.json()["Items"]] == ["Test Card"]


def test_a_bad_token_does_not_matter_where_none_is_needed(server: MediaServerProcess) -> None:
    bad = {"Authorization": HEADER.format("stranger", "None")}
    assert httpx.get(f"{server.url}/Users/Public", headers=bad).status_code == 200
    login = httpx.post(
        f"{server.url}/users/authenticatebyname",
        json={"username": "BOB", "Pw": "bob-sample"},
        headers=bad,
    )
    assert login.json()["User"]["Name"] == "bob"
    no_device = {"Authorization": 'MediaBrowser Client="c"'}
    assert httpx.post(f"{server.url}/Users/AuthenticateByName", json={}, headers=no_device).status_code == 400


def test_a_second_login_on_the_same_device_ends_the_first(server: MediaServerProcess) -> None:
    tokens = [logged_in(server.url, "bob", "bob-sample", "same").config.data["auth.token"] for _ in range(2)]
    statuses = [httpx.get(f"{server.url}/Users/Me?ApiKey={token}").status_code for token in tokens]
    assert statuses == [401, 200]


def test_tokens_of_the_migrated_database_and_its_api_key_are_good(server: MediaServerProcess) -> None:
    of_device, of_key = sample_token("sample-phone"), sample_token("api key")
    assert httpx.get(f"{server.url}/Users/Me?ApiKey={of_device}").json()["Name"] == "bob"
    assert httpx.get(f"{server.url}/ScheduledTasks?ApiKey={of_key}").status_code == 200
    assert httpx.get(f"{server.url}/Users/Me?ApiKey={of_key}").status_code == 400


def test_what_a_client_can_do_is_kept_with_its_session(bob: httpx.Client) -> None:
    body = {"PlayableMediaTypes": ["Video"], "SupportedCommands": ["Play"], "SupportsMediaControl": True}
    assert bob.post("/Sessions/Capabilities/Full", json=body).status_code == 204
    session = next(s for s in bob.get("/Sessions").json() if s["DeviceId"] == "wire")
    assert session["Capabilities"]["SupportedCommands"] == ["Play"]
    assert bob.post("/Sessions/Capabilities/Full?id=unknown", json=body).status_code == 404


def test_a_file_the_client_can_play_is_offered_as_it_is(bob: httpx.Client) -> None:
    films = bob.get("/Items?recursive=true&includeItemTypes=Movie&searchTerm=Test").json()["Items"]
    address = f"/Items/{films[0]['Id']}/PlaybackInfo"
    direct = {"DirectPlayProfiles": [{"Type": "Video", "Container": "mp4,m4v", "VideoCodec": "h264"}]}
    source = bob.post(address, json={"DeviceProfile": direct}).json()["MediaSources"][0]
    assert source["SupportsDirectPlay"]
    assert "TranscodingUrl" not in source
    nothing = bob.post(address, json={"DeviceProfile": {"Name": "none"}}).json()
    assert (nothing["MediaSources"], nothing["ErrorCode"]) == ([], "NoCompatibleStream")
    assert bob.post(address).json()["MediaSources"][0]["SupportsDirectPlay"]


def test_playlists_carry_the_token_on_and_need_one(bob: httpx.Client, server: MediaServerProcess) -> None:
    film = bob.get("/Items?recursive=true&includeItemTypes=Movie&searchTerm=Test").json()["Items"][0]["Id"]
    query = f"&PlaySessionId=p&MaxWidth=214&ApiKey={_token(bob)}"
    master = httpx.get(f"{server.url}/videos/{film}/master.m3u8?{query}")
    assert master.text.endswith(f"main.m3u8?{query}\n")
    assert "RESOLUTION=214x120" in master.text
    assert httpx.get(f"{server.url}/videos/{film}/master.m3u8?PlaySessionId=p").status_code == 401
    assert bob.get(f"/videos/{film}/hls1/main/0.ts").status_code == 400


def test_json_comes_in_camel_case_for_those_who_ask(bob: httpx.Client) -> None:
    accept = {"Accept": 'application/json; profile="CamelCase"'}
    assert "productName" in bob.get("/System/Info", headers=accept).json()
