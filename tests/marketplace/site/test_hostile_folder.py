"""A folder of wheels that somebody else fills: each file is in, or left out by name."""

from __future__ import annotations

import errno
import json
import os
import shutil
from pathlib import Path

import pytest

from lockgate_marketplace.errors import PublishError
from lockgate_marketplace.site import build
from lockgate_marketplace.site.tree import Tree
from tests.marketplace.site.built import codes, content, page
from tests.marketplace.site.samples import plugin_wheel
from tests.support.wheels import Draft, forge_file

TAIL = "-1.0-py3-none-any.whl"


def _hostile(folder: Path) -> dict[str, str]:
    """Fill `folder`; gives the code that each file is to be left out with."""
    plugin_wheel(folder, "good")
    (folder / f"<b>bold{TAIL}").write_bytes(b"x")
    (folder / f"line\nbreak{TAIL}").write_bytes(b"x")
    Path(os.fsdecode(os.fsencode(folder) + b"/b\xff" + TAIL.encode())).write_bytes(b"x")
    twice = plugin_wheel(folder, "twice")
    (folder / "below").mkdir()
    shutil.copy(twice, folder / "below")
    for name, line in (("huge", b"x" * (5 << 20)), ("latin", b"Author: \xff\xfe\n")):
        draft = Draft(name)
        draft.entry("METADATA").data += line
        draft.add(f"{name}.py")
        draft.seal().write(folder)
    (folder / f"secret{TAIL}").symlink_to("/etc/hostname")
    (folder / f"nowhere{TAIL}").symlink_to("missing")
    os.mkfifo(folder / f"pipe{TAIL}")
    (folder / f"folder{TAIL}").mkdir()
    (folder / "around").symlink_to(folder)
    return {
        f"<b>bold{TAIL}": "wheel-filename",
        f"line\nbreak{TAIL}": "wheel-filename",
        f"b\udcff{TAIL}": "wheel-filename",
        twice.name: "index-file-twice",
        f"huge{TAIL}": "wheel-metadata",
        f"latin{TAIL}": "wheel-metadata",
        f"secret{TAIL}": "wheel-zip-none",
        f"nowhere{TAIL}": "wheel-unreadable",
        f"pipe{TAIL}": "wheel-unreadable",
    }


def test_each_odd_file_is_left_out_by_name_and_the_rest_is_built(
    tmp_path: Path,
) -> None:
    wheels, site = tmp_path / "wheels", tmp_path / "site"
    expected = _hostile(wheels)

    report = build(wheels, site)

    assert codes(report) == expected
    assert all(one.message and one.hint for one in report.refused)
    assert (report.judged, report.hashed) == (9, 0)
    assert (report.projects, report.plugins) == (1, 1)
    files = [path for path in (site / "files").rglob("*") if path.is_file()]
    assert {path.name.split("-")[0] for path in files} == {"lockgate_good"}

    again = build(wheels, site)
    assert (codes(again), again.hashed) == (expected, 1)


def test_a_known_wheel_that_can_no_longer_be_read_is_served_still(
    tmp_path: Path,
) -> None:
    """The bytes were published; neither a pipe nor a device keeps anybody busy."""
    wheels, site = tmp_path / "wheels", tmp_path / "site"
    path = plugin_wheel(wheels, "acme")
    build(wheels, site)
    before = content(site)
    path.unlink()
    path.symlink_to("missing")

    assert codes(build(wheels, site)) == {path.name: "wheel-unreadable"}
    path.unlink()
    os.mkfifo(path)
    assert codes(build(wheels, site)) == {path.name: "wheel-unreadable"}
    path.unlink()
    path.symlink_to("/dev/zero")
    assert codes(build(wheels, site)) == {path.name: "wheel-unreadable"}
    assert content(site) == before


@pytest.mark.parametrize("suffix", [".provenance", ".signature"])
def test_a_pipe_beside_a_wheel_keeps_nobody_waiting(
    tmp_path: Path, suffix: str
) -> None:
    wheels, site = tmp_path / "wheels", tmp_path / "site"
    path = plugin_wheel(wheels, "acme")
    plugin_wheel(wheels, "lamp")
    os.mkfifo(f"{path}{suffix}")

    report = build(wheels, site)

    assert codes(report) == {path.name: "index-sidecar-invalid"}
    assert report.plugins == 1


@pytest.mark.parametrize("what", ["pipe", "/dev/zero"])
def test_what_is_no_file_has_no_word_on_projects(tmp_path: Path, what: str) -> None:
    wheels = tmp_path / "wheels"
    plugin_wheel(wheels, "acme")
    status = wheels / "status.toml"
    if what == "pipe":
        os.mkfifo(status)
    else:
        status.symlink_to(what)

    with pytest.raises(PublishError, match="no regular file") as caught:
        build(wheels, tmp_path / "site")

    assert caught.value.code == "index-status-invalid"


@pytest.mark.parametrize("yanked", ["1.0", "1.0.0", "1"])
def test_a_version_in_two_spellings_is_one_version(tmp_path: Path, yanked: str) -> None:
    """PEP 440: ``1.0`` and ``1.0.0`` are equal, so that a yank means both."""
    wheels, site = tmp_path / "wheels", tmp_path / "site"
    forge_file(wheels, "acme", "1.0")
    forge_file(wheels, "acme", "1.0.0")
    forge_file(wheels, "acme", "1.1")
    (wheels / "status.toml").write_text(
        f'[projects.acme.yanked]\n"{yanked}" = "broken"\n'
    )
    build(wheels, site)

    found = page(site, "acme")
    assert found["versions"] == ["1.1", "1.0"]
    assert {file["filename"]: file["yanked"] for file in found["files"]} == {
        "acme-1.1-py3-none-any.whl": False,
        "acme-1.0-py3-none-any.whl": "broken",
        "acme-1.0.0-py3-none-any.whl": "broken",
    }
    assert json.loads((site / "index-state.json").read_text())["standings"]


def test_a_full_disk_stops_the_build_and_nothing_is_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Wheels are judged ahead in threads: none of them writes after the end."""
    wheels, site = tmp_path / "wheels", tmp_path / "site"
    for number in range(12):
        plugin_wheel(wheels, f"p{number}")
    whole = Tree.write
    written: list[str] = []

    def full(tree: Tree, name: str, content: bytes) -> None:
        written.append(name)
        if len(written) == 5:
            raise OSError(errno.ENOSPC, "No space left on device", name)
        whole(tree, name, content)

    monkeypatch.setattr(Tree, "write", full)
    with pytest.raises(PublishError, match="No space left") as stopped:
        build(wheels, site)

    assert stopped.value.code == "index-unwritable"
    assert [path.name for path in tmp_path.iterdir()] == ["wheels"]
