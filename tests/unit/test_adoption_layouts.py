"""However the old server was installed, its folders are found; what is no server's folder is refused in words."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from jellyfin_ha.operations.errors import UserError

from .old_server import SERVER_ID, adopt, copy, expected, files, look, make, write


@pytest.fixture
def new(tmp_path: Path) -> Path:
    return tmp_path / "new"


def _package(tmp_path: Path) -> tuple[Path, Path]:
    """Debian's way: /var/lib/jellyfin and /etc/jellyfin."""
    data, config = make(tmp_path / "lib"), tmp_path / "etc"
    (data / "config").rename(config)
    return data, config


def _linuxserver(tmp_path: Path) -> Path:
    """The linuxserver image's way: the configuration folder is /config itself, the data folder is in it."""
    folder = tmp_path / "linuxserver"
    make(folder / "data")
    for path in (folder / "data/config").iterdir():
        path.rename(folder / path.name)
    (folder / "data/config").rmdir()
    shutil.move(folder / "data/cache", folder / "cache")
    shutil.move(folder / "data/log", folder / "log")
    return folder


def _refusal(source: Path, new: Path, config: Path | None = None) -> str:
    with pytest.raises(UserError) as refusal:
        look(source, new, config=config)
    assert refusal.value.exit_code == 2
    assert not new.exists()
    return str(refusal.value)


def test_the_official_images_folder_is_found(tmp_path: Path, new: Path) -> None:
    found = look(make(tmp_path / "old"), new)
    assert (found.layout.kind, found.server_id, found.server_name) == ("official image", SERVER_ID, "attic")


def test_the_two_folders_of_a_package_become_one(tmp_path: Path, new: Path) -> None:
    data, config = _package(tmp_path)
    copy(look(data, new, config=config))
    assert files(new) == expected()


def test_a_link_to_the_configuration_folder_in_the_data_folder_is_enough(tmp_path: Path, new: Path) -> None:
    data, config = _package(tmp_path)
    (data / "config").symlink_to(config)
    adopt(data, new)
    assert files(new) == expected()
    assert not (new / "config").is_symlink()


def test_the_linuxserver_images_folder_becomes_the_official_one(tmp_path: Path, new: Path) -> None:
    found = look(_linuxserver(tmp_path), new)
    assert found.layout.kind == "linuxserver image"
    copy(found)
    assert files(new) == expected()
    assert {"config/cache", "config/log"} <= {group.path for group in found.selection.left_out}


def test_a_packages_data_folder_alone_asks_for_the_other_one(tmp_path: Path, new: Path) -> None:
    data, _ = _package(tmp_path)
    words = _refusal(data, new)
    assert "add --from-config" in words
    assert "--from /var/lib/jellyfin --from-config /etc/jellyfin" in words


def test_a_packages_configuration_folder_alone_is_told_from_a_server(tmp_path: Path, new: Path) -> None:
    _, config = _package(tmp_path)
    assert "only the configuration folder" in _refusal(config, new)


def test_two_configuration_folders_are_refused(tmp_path: Path, new: Path) -> None:
    data, config = _package(tmp_path)
    write(data / "config/system.xml", "<ServerConfiguration />")
    assert "expected one configuration folder, found two" in _refusal(data, new, config)


def test_another_folder_is_refused_with_what_is_in_it(tmp_path: Path, new: Path) -> None:
    write(tmp_path / "old/holiday.jpg", "x")
    words = _refusal(tmp_path / "old", new)
    assert "not the folder of a Jellyfin server" in words
    assert "holiday.jpg" in words


def test_a_missing_folder_is_refused(tmp_path: Path, new: Path) -> None:
    assert "is not a folder" in _refusal(tmp_path / "old", new)


@pytest.mark.parametrize("content", ["", "attic", SERVER_ID[:-1], SERVER_ID + "0", "<xml>"])
def test_a_server_without_a_proper_id_is_refused(content: str, tmp_path: Path, new: Path) -> None:
    old = make(tmp_path / "old")
    write(old / "data/device.txt", content)
    words = _refusal(old, new)
    assert "32 hexadecimal digits" in words
    assert repr(content) in words


def test_a_server_that_never_started_is_refused(tmp_path: Path, new: Path) -> None:
    old = make(tmp_path / "old")
    (old / "data/device.txt").unlink()
    assert "cannot read it: No such file or directory" in _refusal(old, new)


@pytest.mark.parametrize("target", [".", "new", "config/new", ".."])
def test_folders_within_each_other_are_refused(target: str, tmp_path: Path) -> None:
    old = make(tmp_path / "a/old")
    with pytest.raises(UserError, match="apart from each other") as refusal:
        look(old, old / target)
    assert refusal.value.exit_code == 2


def test_folders_within_each_other_by_a_link_are_refused(tmp_path: Path) -> None:
    old = make(tmp_path / "old")
    (tmp_path / "link").symlink_to(old / "data")
    with pytest.raises(UserError, match="apart from each other"):
        look(old, tmp_path / "link")


def test_a_target_whose_volume_is_not_mounted_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="Is the volume mounted") as refusal:
        look(make(tmp_path / "old"), tmp_path / "mnt/nas/config")
    assert refusal.value.exit_code == 2
