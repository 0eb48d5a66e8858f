"""The reference server's image keeps what the official Jellyfin image promises."""

from __future__ import annotations

import json
from pathlib import Path
from shlex import quote
from typing import Any, cast

import pytest

from jellyfin_ha.components.server_config import sources
from jellyfin_ha.components.server_configuration import declared
from jellyfin_ha.components.server_images import DEFAULT_FLAVOR, FLAVORS, PLUGIN_FILE
from jellyfin_ha.components.server_pod import OWN
from jellyfin_ha.components.server_scripts import copy_plugins
from jellyfin_ha.lab import images
from jellyfin_ha.operations.progress import silent
from tests.integration.containers import running, unpack

pytestmark = [pytest.mark.integration, pytest.mark.timeout(900)]

POD_USER = (1000, 1000)
EMPTY = ("/config", "/cache", "/tmp")


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    image = next(image for image in images.ensure(silent) if image.name == "mediaserver")
    return unpack(image, tmp_path_factory.mktemp("mediaserver"))


def spec(bundle: Path) -> dict[str, Any]:
    original = bundle / "config.original.json"
    return cast(dict[str, Any], json.loads((original if original.exists() else bundle / "config.json").read_text()))


def inside(bundle: Path, *command: str) -> str:
    """Run a command in the place of the server, as a restricted pod with a user that the image does not know."""
    with running(bundle, args=command, entrypoint="/usr/bin/env", user=POD_USER, empty=EMPTY) as container:
        code = container.process.wait(60)
    assert code == 0, container.output()
    return container.output()


def test_the_entry_point_and_the_environment_are_those_of_the_official_image(bundle: Path) -> None:
    process = spec(bundle)["process"]
    assert process["args"] == ["/jellyfin/jellyfin"]
    environment = dict(variable.split("=", 1) for variable in process["env"])
    assert {name: value for name, value in environment.items() if name.startswith("JELLYFIN_")} == {
        "JELLYFIN_DATA_DIR": "/config",
        "JELLYFIN_CACHE_DIR": "/cache",
        "JELLYFIN_CONFIG_DIR": "/config/config",
        "JELLYFIN_LOG_DIR": "/config/log",
        "JELLYFIN_WEB_DIR": "/jellyfin/jellyfin-web",
        "JELLYFIN_FFMPEG": "/usr/lib/jellyfin-ffmpeg/ffmpeg",
    }


def test_the_server_starts_as_any_user_and_says_what_its_environment_lacks(bundle: Path) -> None:
    with running(bundle, user=POD_USER, empty=EMPTY) as container:
        code = container.process.wait(60)
    assert code == 2, container.output()
    assert "POSTGRES_PASSWORD" in container.output()


def test_the_ffmpeg_at_jellyfins_own_path_makes_hls_segments_that_its_ffprobe_reads(bundle: Path) -> None:
    ffmpeg = "/usr/lib/jellyfin-ffmpeg/ffmpeg"
    script = (
        f"{ffmpeg} -v error -f lavfi -i testsrc=duration=4:size=320x180 -f lavfi -i sine=duration=4"
        " -c:v libx264 -c:a aac -f hls -hls_time 2 -hls_list_size 0 /cache/film.m3u8"
        " && /usr/lib/jellyfin-ffmpeg/ffprobe -v error -show_entries stream=codec_name -of csv=p=0 /cache/film0.ts"
    )
    assert set(inside(bundle, "sh", "-c", script).split()) == {"h264", "aac"}


def test_a_pods_folders_are_prepared_with_nothing_but_the_image(bundle: Path) -> None:
    program = "/tmp/program/server_config"
    files = {**sources(), "declared.json": declared({}, FLAVORS[DEFAULT_FLAVOR])}
    script = [f"mkdir -p {program}", *(f"printf %s {quote(text)} > {program}/{name}" for name, text in files.items())]
    script.append(copy_plugins(FLAVORS[DEFAULT_FLAVOR]).replace(OWN, "/tmp/own"))
    script.append(f"PYTHONPATH=/tmp/program python3 -B -m server_config {program}/declared.json /config /tmp/own")
    script.append("ls /tmp/own/plugins/PostgreSQL; grep -c PLUGIN_PROVIDER /tmp/own/database.xml")
    output = inside(bundle, "sh", "-c", "\n".join(script))
    assert "the server's folders are as declared" in output
    assert output.split()[-2:] == [PLUGIN_FILE, "1"]


def test_curl_is_there_for_the_probes_of_the_official_image(bundle: Path) -> None:
    assert inside(bundle, "curl", "--version").startswith("curl ")


def test_the_servers_python_packages_are_the_locked_ones_and_byte_compiled(bundle: Path) -> None:
    locked = (Path(__file__).resolve().parents[2] / "requirements.lock").read_text()
    ask = "import starlette, uvicorn, psycopg, psycopg_pool; print(starlette.__version__, psycopg.__version__)"
    starlette, psycopg = inside(bundle, "python3", "-c", ask).split()
    assert f"starlette=={starlette} " in locked
    assert f"psycopg=={psycopg} " in locked
    assert list((bundle / "rootfs/jellyfin/python/uvicorn/__pycache__").glob("*.cpython-311.pyc"))
