"""The Redis image keeps what the official one promises, as a restricted pod runs it."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest
import redis

from jellyfin_ha.lab import images
from jellyfin_ha.operations.progress import silent
from tests.integration.containers import Container, running, unpack
from tests.integration.processes import free_port, wait_until

pytestmark = [pytest.mark.integration, pytest.mark.timeout(900)]

READY_SECONDS = 20


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    image = next(image for image in images.ensure(silent) if image.name == "redis")
    return unpack(image, tmp_path_factory.mktemp("redis"))


@pytest.fixture
def data(tmp_path: Path) -> Path:
    folder = tmp_path / "data"
    folder.mkdir()
    os.chown(folder, 999, 999)
    return folder


def client(container: Container, port: int, password: str | None = None) -> redis.Redis:
    connected = redis.Redis(host="127.0.0.1", port=port, password=password, decode_responses=True, socket_timeout=5)

    def answers() -> bool:
        assert container.process.poll() is None, container.output()
        try:
            return bool(connected.ping())
        except redis.ConnectionError:
            return False

    wait_until(answers, seconds=READY_SECONDS, what="Redis answering")
    return connected


def test_arguments_are_redis_options_and_a_restart_keeps_what_was_written(bundle: Path, data: Path) -> None:
    port = free_port()
    args = ["redis-server", "--port", str(port), "--requirepass", "secret", "--appendonly", "yes"]
    with running(bundle, args=args, volumes={"/data": data}) as container:
        connected = client(container, port, "secret")
        connected.set("lease", "kept")
        assert container.execute("redis-cli", "-p", str(port), "-a", "secret", "get", "lease").strip() == "kept"
        assert container.stop(signal.SIGTERM) == 0
    # An option alone is enough: the program is understood.
    with running(bundle, args=args[1:], volumes={"/data": data}) as container:
        assert client(container, port, "secret").get("lease") == "kept"


def test_like_the_official_image_it_is_open_to_the_network_unless_its_settings_say_otherwise(
    bundle: Path, data: Path
) -> None:
    port = free_port()
    configuration = data / "redis.conf"
    for lines, option, expected in (
        ("", [], "no"),
        ("", ["--protected-mode", "yes"], "yes"),
        ("protected-mode yes\n", [], "yes"),
    ):
        configuration.write_text(lines + f"port {port}\n")
        os.chown(configuration, 999, 999)
        args = ["redis-server", "/data/redis.conf", *option]
        with running(bundle, args=args, volumes={"/data": data}) as container:
            assert client(container, port).config_get("protected-mode") == {"protected-mode": expected}
    with running(bundle, args=["--port", str(port)], volumes={"/data": data}) as container:
        assert client(container, port).config_get("protected-mode") == {"protected-mode": "no"}


def test_started_as_root_it_runs_as_user_999_and_takes_over_the_data_folder(bundle: Path, data: Path) -> None:
    os.chown(data, 0, 0)
    port = free_port()
    with running(bundle, args=["--port", str(port)], volumes={"/data": data}, root=True) as container:
        client(container, port)
        assert container.execute("stat", "-c", "%u", "/proc/1").strip() == "999"
    assert data.stat().st_uid == 999
