"""A real Traefik does what the IngressRoute is meant to do, in front of two servers."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from http.client import HTTPSConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import httpx
import pytest
from websockets.sync.client import ClientConnection, connect

from jellyfin_ha.lab.toolchain import ensure
from jellyfin_ha.operations.progress import silent
from tests.integration.mediaserver_processes import (
    PROFILE,
    MediaServerProcess,
    load_sample,
    logged_in,
    media_server,
    sample_library,
)
from tests.integration.processes import PostgresServer, wait_until
from tests.integration.traefik import READ_SECONDS, TraefikProcess, traefik, unverified

pytestmark = pytest.mark.integration

HOUSEHOLD = [f"127.0.0.{number}" for number in range(10, 30)]
DISGUISED = (
    *("/%53ystem/Restart", "/system/%72estart", "//System/Restart", "/System//Restart", "/System/Restart/"),
    *("/System/x/../Restart", "/System/x/%2e%2e/Restart", "/System/./Restart", "/startup/user?x=/web"),
)
DENIED = ("/System/Restart", "/system/shutdown", "/STARTUP/USER", "/Startup/Configuration", "/Metrics")


@pytest.fixture(scope="module")
def database(postgres_server: PostgresServer) -> Iterator[str]:
    with postgres_server.database() as name:
        load_sample(postgres_server.conninfo(name), sample_library())
        yield postgres_server.conninfo(name)


@pytest.fixture(scope="module", autouse=True)
def built() -> None:
    """Builds Traefik when the cache has none: some five minutes on two cores."""
    ensure(silent, parts=("ingress",))


@pytest.fixture(scope="module")
def servers(database: str) -> Iterator[list[MediaServerProcess]]:
    """Two servers on one database; each tells its own name as the address of the server."""
    with (
        media_server(database, {"JELLYFIN_PublishedServerUrl": "http://first"}) as first,
        media_server(database, {"JELLYFIN_PublishedServerUrl": "http://second"}) as second,
    ):
        yield [first, second]


@pytest.fixture(scope="module")
def anything() -> Iterator[str]:
    """The URL of a server that answers every path with it."""

    class Echo(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(self.path.encode())

        do_POST = do_GET

        def log_message(self, format: str, *args: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Echo) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()


def urls(servers: list[MediaServerProcess]) -> list[str]:
    return [server.url for server in servers]


def replica(client: httpx.Client) -> str:
    """The name of the server that answers."""
    answer = client.get("/System/Info/Public")
    assert answer.status_code == 200, answer.text
    return answer.json()["LocalAddress"]


def replicas(client: httpx.Client, requests: int = 6) -> set[str]:
    return {replica(client) for _ in range(requests)}


def homes(front: TraefikProcess) -> dict[str, str]:
    """Which server each address of the household is with."""
    found: dict[str, str] = {}
    for address in HOUSEHOLD:
        with front.client(address=address) as client:
            found[address] = replica(client)
    return found


def test_a_client_without_cookies_stays_with_one_server_by_its_address(servers: list[MediaServerProcess]) -> None:
    with traefik(urls(servers)) as front:
        for address in HOUSEHOLD[:4]:
            with front.client(address=address) as client:
                assert len(replicas(client)) == 1
                assert "set-cookie" not in client.get("/System/Info/Public").headers
        assert set(homes(front).values()) == {"http://first", "http://second"}, "both have something to do"


def test_when_a_server_dies_its_clients_move_and_nobody_else_does(
    database: str, servers: list[MediaServerProcess]
) -> None:
    second = servers[1]
    with (
        media_server(database, {"JELLYFIN_PublishedServerUrl": "http://doomed"}) as doomed,
        traefik([doomed.url, second.url]) as front,
    ):
        assert set(homes(front).values()) == {"http://doomed", "http://second"}
        doomed.process.kill()
        front.give_endpoints([second.url])
        assert set(homes(front).values()) == {"http://second"}


def test_by_address_clients_go_back_when_their_server_returns(servers: list[MediaServerProcess]) -> None:
    with traefik(urls(servers)) as front:
        before = homes(front)
        front.give_endpoints([servers[1].url])
        front.give_endpoints(urls(servers))
        assert homes(front) == before


def test_a_cookie_holds_a_browser_wherever_it_goes_and_a_television_not_at_all(
    servers: list[MediaServerProcess],
) -> None:
    with traefik(urls(servers), more={"affinity": "cookie"}) as front:
        with front.client(cookies=True) as browser:
            assert len(replicas(browser)) == 1
            cookies = dict(browser.cookies)
            (home,) = replicas(browser)
        assert list(cookies) == ["jellyfin-server-id"]
        with front.client(address="127.0.0.9") as elsewhere:
            elsewhere.headers["Cookie"] = f"jellyfin-server-id={cookies['jellyfin-server-id']}"
            assert replicas(elsewhere) == {home}
        with front.client() as television:
            header = television.get("/System/Info/Public").headers["set-cookie"]
            assert {"HttpOnly", "Secure", "SameSite=Lax", "Path=/", "Max-Age=34560000"} <= set(header.split("; "))
            assert len(replicas(television)) == 2


def test_a_cookie_of_a_dead_server_is_exchanged_and_stays_so_when_it_returns(
    servers: list[MediaServerProcess],
) -> None:
    first, second = servers
    with traefik(urls(servers), more={"affinity": "cookie"}) as front, front.client(cookies=True) as browser:
        while replicas(browser) != {"http://first"}:
            browser.cookies.clear()
        front.give_endpoints([second.url])
        assert replicas(browser) == {"http://second"}
        front.give_endpoints([first.url, second.url])
        assert replicas(browser) == {"http://second"}


def asked(front: TraefikProcess, method: str, path: str) -> tuple[int, str]:
    """Status and text of a request whose path is sent as it is written here."""
    connection = HTTPSConnection("127.0.0.1", front.websecure, context=unverified(), timeout=30)
    try:
        connection.putrequest(method, path, skip_host=True)
        connection.putheader("Host", front.host)
        connection.endheaders()
        answer = connection.getresponse()
        return answer.status, answer.read().decode()
    finally:
        connection.close()


@pytest.mark.parametrize("base", ["", "/jellyfin"])
def test_denied_paths_are_denied_in_any_case_prefix_and_writing(anything: str, base: str) -> None:
    with traefik([anything], url="https://films.example.org:{websecure}" + base) as front:
        assert asked(front, "GET", f"{base}/System/Info") == (200, f"{base}/System/Info")
        prefixes = ("", "/emby", "/mediabrowser", "/EMBY")
        for path in [*(prefix + path for prefix in prefixes for path in DENIED), *DISGUISED]:
            for method in ("GET", "POST"):
                status, text = asked(front, method, base + path)
                assert status == 404, (method, path, text)


def test_nothing_outside_the_base_url_and_no_other_host_reaches_the_servers(anything: str) -> None:
    with (
        traefik([anything], url="https://films.example.org:{websecure}/jellyfin") as front,
        front.client() as client,
    ):
        assert client.get("/jellyfin").status_code == 200
        assert client.get("/jellyfin/web/").status_code == 200
        assert [client.get(path).status_code for path in ("/", "/jellyfinx", "/web/")] == [404, 404, 404]
        assert client.get("/jellyfin/", headers={"Host": "other.example.org"}).status_code == 404


def test_http_is_sent_on_to_https_and_https_carries_its_headers(anything: str) -> None:
    with traefik([anything]) as front:
        with front.client(secure=False) as client:
            answer = client.get("/web/?x=1")
            assert answer.status_code in (301, 308)
            assert answer.headers["location"] == f"https://films.example.org:{front.websecure}/web/?x=1"
        with front.client() as client:
            headers = client.get("/web/").headers
        assert headers["strict-transport-security"] == "max-age=31536000"
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "same-origin"


def test_a_film_plays_through_it_and_a_log_in_lasts_while_the_server_does(
    servers: list[MediaServerProcess],
) -> None:
    with traefik(urls(servers), url="http://localhost:{web}") as front:
        client = logged_in(f"http://localhost:{front.web}", "bob", "bob-sample", "bobs-tv")
        film = client.jellyfin.get_user_items(recursive=True, search_term="Test Card", include_item_types="Movie")
        info = client.jellyfin.get_play_info(film["Items"][0]["Id"], PROFILE)
        address = info["MediaSources"][0]["TranscodingUrl"]
        main = httpx.get(f"http://localhost:{front.web}" + address.replace("master.m3u8", "main.m3u8"))
        segments = [line for line in main.text.splitlines() if line.startswith("hls1/")]
        folder = address.rpartition("/")[0]
        for segment in segments[:3]:
            answer = httpx.get(f"http://localhost:{front.web}{folder}/{segment}", timeout=60)
            assert answer.status_code == 200
            assert len(answer.content) > 1000
        token = client.config.data["auth.token"]
        assert client.jellyfin.get_views()["TotalRecordCount"] == 2
        assert token in address
        assert "hls1" not in front.access_log, "paths, with the tokens in them, are not noted"
        assert token not in front.access_log


def _socket(front: TraefikProcess, token: str) -> ClientConnection:
    return connect(
        f"wss://{front.host}/socket?ApiKey={token}",
        sock=socket.create_connection(("127.0.0.1", front.websecure)),
        ssl=unverified(),
        server_hostname=front.host,
        proxy=None,
    )


def test_a_web_socket_lives_longer_than_any_request_may_take(servers: list[MediaServerProcess]) -> None:
    with traefik([servers[0].url]) as front:
        token = logged_in(servers[0].url, "bob", "bob-sample", "bobs-phone").config.data["auth.token"]
        with _socket(front, token) as web_socket:
            assert "ForceKeepAlive" in str(web_socket.recv(timeout=10))
            quiet_until = time.monotonic() + 2 * READ_SECONDS
            with pytest.raises(TimeoutError):
                web_socket.recv(timeout=quiet_until - time.monotonic())
            web_socket.send('{"MessageType":"KeepAlive"}')
            assert "KeepAlive" in str(web_socket.recv(timeout=10))


def test_the_server_learns_the_clients_own_address_and_no_invented_one(servers: list[MediaServerProcess]) -> None:
    first = servers[0]
    header = 'MediaBrowser Client="x", Device="x", DeviceId="x", Version="1"'
    with traefik([first.url]) as front, front.client(address="127.0.0.77") as client:
        client.post(
            "/Users/AuthenticateByName",
            json={"Username": "bob", "Pw": "wrong"},
            headers={"Authorization": header, "X-Forwarded-For": "203.0.113.9"},
        )
        wait_until(lambda: "has been denied" in first.log, seconds=10, what="the log of a denied log-in")
        assert "127.0.0.77" in first.log
        assert "203.0.113.9" not in first.log


def test_a_token_is_worth_nothing_at_the_other_server_which_is_why_clients_are_held(
    servers: list[MediaServerProcess],
) -> None:
    with traefik(urls(servers), url="http://localhost:{web}", more={"affinity": "cookie"}) as front:
        token = logged_in(servers[0].url, "bob", "bob-sample", "bobs-radio").config.data["auth.token"]
        with front.client(secure=False) as television:
            statuses = {television.get("/Users/Me", params={"ApiKey": token}).status_code for _ in range(6)}
    assert statuses == {200, 401}
