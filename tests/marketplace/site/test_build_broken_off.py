"""Builds that break, race or are killed: the site stays whole."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import time
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from lockgate_marketplace.errors import PublishError
from lockgate_marketplace.site import Options, build
from lockgate_marketplace.site.tree import Tree
from tests.marketplace.site.built import content, page
from tests.marketplace.site.samples import plugin_wheel, stock

pytestmark = pytest.mark.usefixtures("build_date")


def test_a_slow_build_takes_back_nothing_that_another_published(
    tmp_path: Path,
) -> None:
    """What was published and forgotten could be published with other bytes."""
    wheels, site = tmp_path / "wheels", tmp_path / "site"
    plugin_wheel(wheels, "acme")
    other = Thread(target=build, args=(wheels, site))

    def meanwhile(message: str, fraction: float | None) -> None:
        del message, fraction
        plugin_wheel(wheels, "lamp")
        other.start()
        other.join(1.5)  # it waits; if it did not, it would have ended by then

    build(wheels, site, Options(progress=meanwhile))
    other.join()

    assert {path.parent.name for path in site.glob("plugins/*/index.html")} == {
        "lockgate-acme",
        "lockgate-lamp",
    }


def test_what_is_no_index_is_not_replaced(tmp_path: Path) -> None:
    wheels, site = stock(tmp_path / "wheels"), tmp_path / "site"
    site.mkdir()
    (site / "thesis.txt").write_text("years of work")

    with pytest.raises(PublishError) as caught:
        build(wheels, site)

    assert caught.value.code == "index-site-foreign"
    assert (site / "thesis.txt").read_text() == "years of work"


@pytest.mark.parametrize("raw", [b"", b"[]", b'{"schema": 9}', b"[" * 100_000])
def test_a_broken_state_is_an_error_and_no_fresh_start(
    tmp_path: Path, raw: bytes
) -> None:
    wheels, site = stock(tmp_path / "wheels"), tmp_path / "site"
    build(wheels, site)
    (site / "index-state.json").write_bytes(raw)

    with pytest.raises(PublishError) as caught:
        build(wheels, site)

    assert caught.value.code == "index-state-invalid"


def test_no_folder_and_no_address(tmp_path: Path) -> None:
    with pytest.raises(PublishError) as caught:
        build(tmp_path / "nothing", tmp_path / "site")
    assert caught.value.code == "index-wheels-missing"

    with pytest.raises(PublishError) as caught:
        build(stock(tmp_path / "w"), tmp_path / "site", Options(url="ftp://x/"))
    assert caught.value.code == "index-url-invalid"


def test_a_build_that_breaks_leaves_the_site_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wheels, site = stock(tmp_path / "wheels"), tmp_path / "site"
    build(wheels, site)
    before = content(site)
    plugin_wheel(wheels, "late")

    def full(self: Tree, name: str, content: bytes) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Tree, "write", full)
    with pytest.raises(PublishError) as caught:
        build(wheels, site)

    assert caught.value.code == "index-unwritable"
    assert "No space left" in caught.value.message
    assert content(site) == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["site", "wheels"]


def test_a_killed_build_leaves_the_site_whole_and_the_next_one_sweeps(
    tmp_path: Path,
) -> None:
    """SIGKILL at different moments of a build that has much to do."""
    wheels, site = stock(tmp_path / "wheels"), tmp_path / "site"
    build(wheels, site)
    before = content(site)
    for number in range(60):
        plugin_wheel(wheels, f"late{number}")
    for delay in (0.0, 0.005, 0.02, 0.05, 0.1):
        child = os.fork()
        if not child:
            try:
                build(wheels, site)
            finally:
                os._exit(0)
        time.sleep(delay)
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        assert content(site) == before

    report = build(wheels, site)

    assert report.judged == 60
    assert sorted(path.name for path in tmp_path.iterdir()) == ["site", "wheels"]


def test_a_site_behind_a_link_stays_behind_it(tmp_path: Path) -> None:
    wheels = stock(tmp_path / "wheels")
    (tmp_path / "real").mkdir()
    (tmp_path / "site").symlink_to("real")

    build(wheels, tmp_path / "site")
    build(wheels, tmp_path / "site", Options(title="Again"))

    assert (tmp_path / "site").is_symlink()
    assert "Again" in (tmp_path / "real" / "index.html").read_text()


def test_a_reader_sees_the_old_site_or_the_new_one(tmp_path: Path) -> None:
    """The old folder, once open, stays whole while the new one takes its place."""
    wheels, site = stock(tmp_path / "wheels"), tmp_path / "site"
    build(wheels, site)
    held = os.open(site, os.O_RDONLY)
    inode = site.stat().st_ino
    plugin_wheel(wheels, "late")

    build(wheels, site)

    assert site.stat().st_ino != inode
    assert (site / "simple" / "lockgate-late").is_dir()
    os.close(held)


def test_the_served_bytes_are_not_the_wheel_folders(tmp_path: Path) -> None:
    """Whoever writes to the wheels later does not change what is published."""
    wheels, site = tmp_path / "wheels", tmp_path / "site"
    path = plugin_wheel(wheels, "acme")
    build(wheels, site)
    published = site / "files" / "lockgate-acme" / path.name

    with path.open("r+b") as file:
        file.write(b"evil")

    assert (
        hashlib.sha256(published.read_bytes()).hexdigest()
        == (page(site, "lockgate-acme")["files"][0]["hashes"]["sha256"])
    )


def test_a_link_in_the_present_site_is_not_published(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A site that came with somebody's checkout, and a file that it would like."""
    wheels, site = stock(tmp_path / "wheels"), tmp_path / "site"
    build(wheels, site)
    secret = tmp_path / "secret"
    secret.write_text("5e1f-0001")
    (site / "feed.xml").unlink()
    (site / "feed.xml").symlink_to(secret)
    plugin_wheel(wheels, "late")

    with pytest.raises(PublishError) as refused:
        build(wheels, site)
    assert refused.value.code == "index-site-foreign"
    assert "feed.xml" in refused.value.message

    (site / "feed.xml").unlink()
    (site / "files" / "six").rename(tmp_path / "elsewhere")
    (site / "files" / "six").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(PublishError, match="is a link"):
        build(wheels, site)

    # Without that look the folder elsewhere is a part of the site.
    def followed(site: str) -> list[str]:
        files = (path for path in Path(site).rglob("*") if path.is_file())
        there = Path(site, "files", "six")
        more = (there / path.name for path in there.iterdir())
        return [str(path.relative_to(site)) for path in (*files, *more)]

    monkeypatch.setattr("lockgate_marketplace.site.tree._files", followed)
    monkeypatch.setattr("lockgate_marketplace.site.tree._FOLDER", os.O_RDONLY)
    build(wheels, site)
    assert list((site / "files" / "six").iterdir())


WRONG: list[tuple[str, object]] = [
    ("gone", "x"),
    ("gone", {"a": 1}),
    ("pages", ["\0"]),
    ("pages", ["../../../etc/hostname"]),
    ("pages", ["/etc/hostname"]),
    ("pages", 5),
    ("title", 5),
    ("rules", []),
    ("standings", {"six": {"status": []}}),
    ("releases.filename", "../x-1.0-py3-none-any.whl"),
    ("releases.project", "../../../etc"),
    ("releases.manifest", "x"),
    ("releases.size", "many"),
    ("releases.about", {"urls": 1}),
    ("releases", {}),
    ("releases", ["x"]),
    ("releases", [{}]),
]


@pytest.mark.parametrize(("key", "value"), WRONG)
def test_a_state_that_no_build_wrote_is_refused(
    tmp_path: Path, key: str, value: object
) -> None:
    wheels, site = stock(tmp_path / "wheels"), tmp_path / "site"
    build(wheels, site)
    file = site / "index-state.json"
    state: Any = json.loads(file.read_text())
    first, _, inner = key.partition(".")
    if inner:
        state[first][0][inner] = value
    else:
        state[first] = value
    file.write_text(json.dumps(state))
    before = content(site)

    with pytest.raises(PublishError) as refused:
        build(wheels, site)
    assert refused.value.code == "index-state-invalid"
    assert content(site) == before
