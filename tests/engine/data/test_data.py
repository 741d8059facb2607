"""What plugins keep: over restarts and versions, theirs alone, within limits."""

from __future__ import annotations

import json
import multiprocessing
import os
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lockgate._data.files import ASIDE, BLOCK_BYTES, DataFullError, DataRefusedError
from lockgate._data.folder import DataFolder, data_place, folders_kept
from lockgate.host import Host
from lockgate.values import Tree
from tests.support.host_plugins import Site, manifest_of

KEEPING = """
import json, os
from lockgate.plugin import Transformation, Tree, hookimpl

@hookimpl
def transform(tree, options, context):
    said = []
    for step in options["steps"]:
        try:
            said.append(do(context, *step))
        except Exception as error:
            code = getattr(error, "code", "")
            kinds = [kind.__name__ for kind in type(error).__mro__]
            said.append(f"{kinds} {code} {error}")
    return Transformation(Tree.of({"said.json": json.dumps(said)}))

def do(context, action, *given):
    if action == "has":
        return context.data is not None
    if action == "raw":  # past what the context offers
        return context._session.call_host(given[0], given[1])
    if action == "open":
        return open(given[0]).read()
    if action == "write":
        return context.data.write(given[0], given[1].encode())
    if action == "read":
        return context.data.read(given[0]).decode()
    return getattr(context.data, action)(*given)
"""


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(tmp_path)


def keeper(
    site: Site,
    name: str = "keeper",
    *,
    tier: str = "basic",
    limits: str = "",
    distribution: str = "",
    version: str = "1.0",
) -> None:
    manifest = manifest_of(name, tier=tier, more=limits)
    site.add(
        name, KEEPING, manifest=manifest, distribution=distribution, version=version
    )


def say(host: Host, *steps: list[Any], plugin: str = "keeper") -> list[Any]:
    answers = host.call(
        "transform", tree=Tree(), options={"steps": list(steps)}, plugin=plugin
    )
    return list(json.loads(answers.first.tree["said.json"].text))


def remove(site: Site, name: str) -> None:
    """Uninstall a plugin."""
    for info in site.folder.glob(f"test_{name}*.dist-info"):
        for file in info.iterdir():
            file.unlink()
        info.rmdir()


# -- in the worker --------------------------------------------------------------------


def test_files_outlast_workers_hosts_and_versions(site: Site) -> None:
    keeper(site)
    with site.open() as host:
        steps = ["write", "a/b.txt", "one"], ["write", "c", "two"], ["paths"]
        assert say(host, *steps)[2] == ["a/b.txt", "c"]
    remove(site, "keeper")
    keeper(site, version="2.0")
    with site.open() as host:
        assert say(host, ["read", "a/b.txt"]) == ["one"]
        said = say(host, ["delete", "a/b.txt"], ["paths"], ["read", "a/b.txt"])
    assert said[1] == ["c"]
    assert "FileNotFoundError" in said[2]


def test_another_distribution_of_the_name_inherits_nothing(site: Site) -> None:
    keeper(site)
    with site.open() as host:
        say(host, ["write", "token", "secret"])
    remove(site, "keeper")
    keeper(site, distribution="squatter")
    with site.open() as host:
        said = say(host, ["paths"], ["read", "token"], ["write", "token", "mine"])
        assert said[0] == []
        assert "FileNotFoundError" in said[1]
    theirs = data_place(site.config.data_dir, "keeper", "test-keeper")
    assert (theirs / "token").read_text() == "secret"


def test_a_plugin_reaches_nobody_elses_files(site: Site) -> None:
    """By path, by a raw request, and by opening the folder itself."""
    keeper(site, "victim")
    keeper(site)
    with site.open() as host:
        say(host, ["write", "token", "secret"], plugin="victim")
        place = data_place(site.config.data_dir, "victim", "test-victim") / "token"
        said = say(
            host,
            ["read", "../../victim/test-victim/token"],
            ["read", str(place)],
            ["raw", "data.read", {"path": "../../victim/test-victim/token"}],
            ["raw", "data.write", {"path": "../x", "content": b"".decode()}],
            ["write", "a/../../x", "y"],
            ["open", str(place)],
        )
    assert "secret" not in json.dumps(said)
    assert all("ValueError" in one for one in said[:5])
    assert "PermissionError" in said[5] or "FileNotFoundError" in said[5]
    assert place.read_text() == "secret"  # what only the kernel kept from it
    assert not list(place.parents[2].rglob("x"))


def test_a_read_only_plugin_keeps_nothing_however_it_asks(site: Site) -> None:
    keeper(site, tier="read-only")
    with site.open() as host:
        said = say(
            host,
            ["has"],
            ["raw", "data.write", {"path": "x", "content": ""}],
            ["raw", "data.paths", {}],
        )
    assert said[0] is False
    assert all("PermissionError" in one for one in said[1:])
    assert not Path(site.config.data_dir, "plugins").exists()


def test_the_quota_is_the_limit_of_the_plugins_policy(site: Site) -> None:
    keeper(site, limits='[limits]\ndisk-bytes = "12 KiB"\ninodes = 4\n')
    with site.open() as host:
        said = say(
            host,
            ["write", "a", "x" * 4096],
            ["write", "b", "x" * 4097],  # two blocks
            ["write", "c", "x"],
            ["write", "a", "x" * 4095],  # in the place of another one
            ["write", "b", ""],
            ["write", "d/e", ""],
            ["write", "d/f", ""],
            ["paths"],
        )
    assert said[0] is said[1] is said[3] is said[4] is said[5] is None
    assert "data-full" in said[2]
    assert "data-full" in said[6]
    assert said[7] == ["a", "b", "d/e"]


# -- the folder -----------------------------------------------------------------------


def folder(root: Path, size: int = 1 << 20, inodes: int = 64) -> DataFolder:
    place = data_place(str(root / "data"), "p", "test-p")
    return DataFolder(place, bytes_limit=size, inodes_limit=inodes)


def test_a_link_that_somebody_put_there_is_not_followed(tmp_path: Path) -> None:
    kept = folder(tmp_path)
    kept.write("real", b"mine")
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "secret").write_text("secret")
    (kept.place / "link").symlink_to(outside / "secret")
    (kept.place / "folder").symlink_to(outside)
    os.link(outside / "secret", kept.place / "hard")
    os.mkfifo(kept.place / "pipe")

    # What a plain open would do:
    assert (kept.place / "link").read_text() == "secret"
    assert (kept.place / "hard").read_text() == "secret"
    for path in ("link", "folder/secret", "hard", "pipe"):
        with pytest.raises(DataRefusedError, match="can't be used"):
            kept.read(path)
    with pytest.raises(DataRefusedError):
        kept.write("folder/new", b"x")
    kept.write("link", b"replaced")  # the link itself goes, not what it leads to
    kept.write("hard", b"replaced")

    assert (outside / "secret").read_text() == "secret"
    assert [file.name for file in outside.iterdir()] == ["secret"]
    assert kept.read("link") == b"replaced"


@pytest.mark.parametrize("at", ["data", "plugins", "p", "test-p"])
def test_a_folder_that_others_may_write_is_refused(tmp_path: Path, at: str) -> None:
    kept = folder(tmp_path)
    kept.write("a", b"x")
    parts = {one.name: one for one in (kept.place, *kept.place.parents)}
    parts[at].chmod(0o770)

    with pytest.raises(DataRefusedError, match="another user"):
        kept.read("a")
    with pytest.raises(DataRefusedError, match="another user"):
        kept.write("a", b"y")


def test_a_link_in_the_place_of_the_folder_is_refused(tmp_path: Path) -> None:
    kept = folder(tmp_path)
    kept.write("a", b"x")
    kept.place.rename(tmp_path / "moved")
    kept.place.symlink_to(tmp_path / "moved")

    with pytest.raises(DataRefusedError):
        kept.read("a")
    with pytest.raises(DataRefusedError):
        kept.write("b", b"x")
    assert not (tmp_path / "moved/b").exists()


def _fill(place: str, mine: int, size: int) -> None:
    kept = DataFolder(Path(place), bytes_limit=size, inodes_limit=10_000)
    for number in range(16):
        try:
            kept.write(f"{mine}/{number}", b"x")
        except DataFullError:
            return


def test_hosts_that_write_at_once_stay_within_one_quota(tmp_path: Path) -> None:
    kept, size = folder(tmp_path), 12 * BLOCK_BYTES
    place = str(kept.place)
    context = multiprocessing.get_context("spawn")
    hosts = [context.Process(target=_fill, args=(place, n, size)) for n in range(2)]
    threads = [threading.Thread(target=_fill, args=(place, n, size)) for n in (2, 3)]
    running: list[Any] = [*hosts, *threads]
    for one in running:
        one.start()
    for one in running:
        one.join(60)

    assert kept.used()[0] == size
    _fill(place, 9, size + BLOCK_BYTES)  # and one more with a larger quota
    assert kept.used()[0] == size + BLOCK_BYTES


def test_a_host_that_dies_while_it_writes_leaves_the_file_as_it_was(
    tmp_path: Path,
) -> None:
    kept = folder(tmp_path)
    kept.write("a/b", b"before")
    code = (
        "import os, sys; from pathlib import Path\n"
        "from lockgate._data.folder import DataFolder\n"
        "os.replace = lambda *a, **k: os.kill(os.getpid(), 9)\n"
        "kept = DataFolder(Path(sys.argv[1]), bytes_limit=1 << 20, inodes_limit=9)\n"
        "kept.write('a/b', b'after')\n"
    )
    died = subprocess.run([sys.executable, "-c", code, str(kept.place)])

    assert died.returncode == -9
    assert (kept.place / "a" / ASIDE).exists()
    assert kept.read("a/b") == b"before"
    assert kept.paths() == ("a/b",)
    kept.write("c", b"")
    assert not (kept.place / "a" / ASIDE).exists()


def test_what_is_cleared_can_be_written_again(tmp_path: Path) -> None:
    kept = folder(tmp_path)
    assert kept.clear() == 0
    kept.write("a/b", b"x")

    assert kept.clear() == 1
    assert folders_kept(str(tmp_path / "data")) == ()
    kept.write("a/b", b"y")
    assert kept.read("a/b") == b"y"


@settings(max_examples=30)
@given(
    st.lists(
        st.tuples(
            st.sampled_from(["a", "b", "a/c", "a/d", "b/e/f"]),
            st.none() | st.integers(0, 3 * BLOCK_BYTES),
        ),
        max_size=12,
    )
)
def test_any_writes_and_deletes_keep_what_a_dict_would(
    tmp_path_factory: pytest.TempPathFactory,
    steps: list[tuple[str, int | None]],
) -> None:
    kept = folder(tmp_path_factory.mktemp("kept"), 6 * BLOCK_BYTES, 5)
    model: dict[str, bytes] = {}
    for path, size in steps:
        try:
            if size is None:
                kept.delete(path)
                del model[path]
            else:
                kept.write(path, b"x" * size)
                model[path] = b"x" * size
        except (DataFullError, DataRefusedError, FileNotFoundError):
            pass
        used, inodes = kept.used()
        assert used <= 6 * BLOCK_BYTES
        assert inodes <= 5
    assert {path: kept.read(path) for path in kept.paths()} == model


@settings(max_examples=40)
@given(st.text(max_size=30))
def test_any_path_is_kept_inside_or_refused(
    tmp_path_factory: pytest.TempPathFactory, path: str
) -> None:
    root = tmp_path_factory.mktemp("kept")
    kept = folder(root)
    try:
        kept.write(path, b"x")
    except (ValueError, OSError):
        assert kept.paths() == ()
    else:
        assert kept.paths() == (path,)
        assert kept.read(path) == b"x"
    assert {file.name for file in root.iterdir()} <= {"data"}
