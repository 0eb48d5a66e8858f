"""What is kept between runs is whole, and made once."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from jellyfin_ha.lab import cache
from jellyfin_ha.operations.errors import UserError
from jellyfin_ha.operations.progress import silent


def test_the_cache_is_where_the_environment_says_the_projects_own_variable_first() -> None:
    assert cache.cache_folder({"JELLYFIN_HA_CACHE": "/a", "XDG_CACHE_HOME": "/b"}) == Path("/a")
    assert cache.cache_folder({"XDG_CACHE_HOME": "/b"}) == Path("/b/jellyfin-ha")
    assert cache.cache_folder({}) == Path.home() / ".cache" / "jellyfin-ha"


def test_a_folder_comes_to_be_when_it_is_filled_and_not_before(tmp_path: Path) -> None:
    target = tmp_path / "made"
    with cache.filling(target) as work:
        (work / "file").write_text("content")
        assert not target.exists()
    assert (target / "file").read_text() == "content"
    assert [path.name for path in tmp_path.iterdir()] == ["made"]


def test_a_failure_leaves_nothing_and_what_a_killed_run_left_is_removed(tmp_path: Path) -> None:
    (tmp_path / ".made.of-a-killed-run").mkdir()
    with pytest.raises(ValueError, match="no"), cache.filling(tmp_path / "made"):
        raise ValueError("no")
    assert list(tmp_path.iterdir()) == []


def test_two_runs_do_not_make_the_same_thing_at_once_and_the_second_says_that_it_waits(tmp_path: Path) -> None:
    told: list[str] = []
    first_holds, waiting = threading.Event(), threading.Event()
    order: list[str] = []

    def progress(message: str, fraction: float | None = None, /) -> None:
        told.append(message)
        waiting.set()

    def first() -> None:
        with cache.locked(tmp_path / "lock", silent, what="it", seconds=10):
            first_holds.set()
            assert waiting.wait(10)
            order.append("first")

    holder = threading.Thread(target=first)
    holder.start()
    assert first_holds.wait(10)
    with cache.locked(tmp_path / "lock", progress, what="the toolchain", seconds=10):
        order.append("second")
    holder.join()
    assert order == ["first", "second"]
    assert told == ["another run is making the toolchain; waiting for it"]


def test_a_lock_that_is_held_too_long_is_an_error_that_names_the_file(tmp_path: Path) -> None:
    lock = tmp_path / "lock"
    with (
        cache.locked(lock, silent, what="it", seconds=1),
        pytest.raises(UserError, match=str(lock)),
        cache.locked(lock, silent, what="it", seconds=0),
    ):
        pass


def test_too_little_disk_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    cache.need_space(tmp_path / "not" / "there", 1, what="this")
    with pytest.raises(UserError, match=r"Too little disk for this: .* GiB are needed") as refused:
        cache.need_space(tmp_path / "not" / "there", 1 << 60, what="this")
    assert refused.value.exit_code == 2
    assert list(tmp_path.iterdir()) == []


def test_mounts_are_found_at_and_below_a_folder_and_nowhere_else(tmp_path: Path) -> None:
    folder = tmp_path / "a b"
    folder.mkdir()
    escaped = str(folder).replace(" ", r"\040")
    mountinfo = "".join(
        f"257 27 0:98 / {point} rw - devpts none rw\n"
        for point in ("/", tmp_path, f"{escaped}/dev/shm", f"{escaped}c/dev", escaped)
    )
    assert cache.mounts_below(folder, mountinfo) == [folder / "dev" / "shm", folder]


def test_a_leftover_in_which_something_is_mounted_is_not_deleted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = tmp_path / "leftover" / "dev" / "shm" / "of-the-machine"
    kept.parent.mkdir(parents=True)
    kept.write_text("in use")
    monkeypatch.setattr(cache, "mounts_below", lambda *_: [kept.parent])
    with pytest.raises(UserError, match=f"umount {kept.parent}"):
        cache.remove_tree(tmp_path / "leftover")
    assert kept.read_text() == "in use"
