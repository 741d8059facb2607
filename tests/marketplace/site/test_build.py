"""A folder of wheels becomes a site: reproducible, incremental, whole or absent."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import time
import zipfile
from collections.abc import Callable
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from lockgate_marketplace.errors import PublishError
from lockgate_marketplace.identity import WheelFile, key_identity, sign
from lockgate_marketplace.site import Options, Report, build
from lockgate_marketplace.site import intake as intake_module
from lockgate_marketplace.site.tree import Tree
from tests.marketplace.site.samples import plugin_wheel, provenance_for, stock
from tests.support.wheels import Draft, forge_file

EPOCH = "1795000000"


@pytest.fixture(autouse=True)
def _date(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOURCE_DATE_EPOCH", EPOCH)


def content(site: Path) -> dict[str, str]:
    """Each file of a site with the hash of its bytes."""
    return {
        str(path.relative_to(site)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(site.rglob("*"))
        if path.is_file()
    }


def page(site: Path, project: str) -> Any:
    return json.loads((site / "simple" / project / "index.json").read_text())


def codes(report: Report) -> dict[str, str]:
    return {one.file: one.code for one in report.refused}


def test_the_same_wheels_make_the_same_bytes(tmp_path: Path) -> None:
    wheels = stock(tmp_path / "wheels")
    build(wheels, tmp_path / "a")
    build(wheels, tmp_path / "b")

    assert content(tmp_path / "a") == content(tmp_path / "b")
    assert len(content(tmp_path / "a")) > 60


def test_a_second_build_hashes_and_changes_no_byte(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wheels, site = stock(tmp_path / "wheels"), tmp_path / "site"
    build(wheels, site)
    before = content(site)
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1796000000")
    judged: list[Path] = []
    monkeypatch.setattr(intake_module, "open_wheel", judged.append)

    report = build(wheels, site)

    assert (report.judged, report.hashed) == (0, len(list(wheels.glob("*.whl"))))
    assert judged == []
    assert content(site) == before


def test_a_new_wheel_gets_its_own_time_and_the_others_keep_theirs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wheels, site = tmp_path / "wheels", tmp_path / "site"
    plugin_wheel(wheels, "acme", "1.0")
    build(wheels, site)
    plugin_wheel(wheels, "acme", "1.1")
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1796000000")

    report = build(wheels, site)

    times = {
        f["filename"]: f["upload-time"] for f in page(site, "lockgate-acme")["files"]
    }
    assert (report.judged, report.hashed) == (1, 1)
    assert times == {
        "lockgate_acme-1.0-py3-none-any.whl": "2026-11-18T11:06:40Z",
        "lockgate_acme-1.1-py3-none-any.whl": "2026-11-30T00:53:20Z",
    }


def test_an_incremental_build_is_a_fresh_one_but_for_its_times(tmp_path: Path) -> None:
    wheels, site = tmp_path / "wheels", tmp_path / "site"
    plugin_wheel(wheels, "early", "1.0")
    build(wheels, site)
    stock(wheels)
    build(wheels, site)
    build(wheels, tmp_path / "fresh")

    assert content(site) == content(tmp_path / "fresh")


def test_what_the_gate_refuses_is_left_out_and_reported(tmp_path: Path) -> None:
    wheels, site = stock(tmp_path / "wheels"), tmp_path / "site"
    evil = Draft("evil")
    evil.add("../outside.py", "x = 1\n")
    evil.seal().write(wheels)

    report = build(wheels, site)

    assert list(codes(report)) == ["evil-1.0-py3-none-any.whl"]
    assert report.projects == 6
    assert not (site / "simple" / "evil").exists()
    assert not list(site.rglob("evil*"))
    assert not list(site.rglob(".coming"))


def test_the_same_wheel_is_unpacked_by_zipfile(tmp_path: Path) -> None:
    """What the rule above is for: others take it."""
    evil = Draft("evil")
    evil.add("../outside.py", "x = 1\n")
    with zipfile.ZipFile(evil.seal().write(tmp_path)) as archive:
        assert "../outside.py" in archive.namelist()


def test_a_wheel_for_another_machine_is_served(tmp_path: Path) -> None:
    tag = "cp399-cp399-manylinux_2_17_s390x"
    forge_file(tmp_path / "wheels", "lockgate-acme", manifest=True, tag=tag)

    assert build(tmp_path / "wheels", tmp_path / "site").refused == ()


def test_strict_writes_nothing_if_one_is_refused(tmp_path: Path) -> None:
    wheels, site = stock(tmp_path / "wheels"), tmp_path / "site"
    build(wheels, site)
    before = content(site)
    Draft("evil").add("x.pth", "import os\n")
    (wheels / "evil-1.0-py3-none-any.whl").write_bytes(b"no zip")

    with pytest.raises(PublishError) as caught:
        build(wheels, site, Options(strict=True))

    assert caught.value.code == "index-wheel-refused"
    assert "evil-1.0" in str(caught.value.fields["refused"])
    assert content(site) == before
    assert [path.name for path in tmp_path.iterdir() if path.name[0] == "."] == []


def test_a_file_never_changes_its_bytes(tmp_path: Path) -> None:
    wheels, site = tmp_path / "wheels", tmp_path / "site"
    path = plugin_wheel(wheels, "acme", "1.0")
    was = path.read_bytes()
    build(wheels, site)
    plugin_wheel(wheels, "acme", "1.0", summary="Another thing.")

    report = build(wheels, site)

    assert codes(report) == {path.name: "index-file-changed"}
    assert (site / "files" / "lockgate-acme" / path.name).read_bytes() == was


def test_nor_by_way_of_being_taken_away_first(tmp_path: Path) -> None:
    wheels, site = tmp_path / "wheels", tmp_path / "site"
    path = plugin_wheel(wheels, "acme", "1.0")
    was = path.read_bytes()
    build(wheels, site)
    path.unlink()
    assert build(wheels, site).removed == (path.name,)
    assert not (site / "simple" / "lockgate-acme").exists()
    plugin_wheel(wheels, "acme", "1.0", summary="Another thing.")

    assert codes(build(wheels, site)) == {path.name: "index-file-changed"}

    path.write_bytes(was)
    assert codes(build(wheels, site)) == {}


def test_a_plugin_name_stays_with_the_project_that_had_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wheels, site = tmp_path / "wheels", tmp_path / "site"
    plugin_wheel(wheels, "acme", "1.0")
    build(wheels, site)
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1796000000")
    thief = plugin_wheel(wheels, "acme", "9.0", project="a-thief")

    report = build(wheels, site)

    assert codes(report) == {thief.name: "index-name-taken"}
    assert not (site / "files" / "a-thief" / thief.name).exists()
    assert page(site, "lockgate-acme")["files"]


def test_a_wrong_manifest_keeps_the_wheel_out(tmp_path: Path) -> None:
    path = forge_file(tmp_path / "wheels", "lockgate-odd", manifest="schema = 2\n")

    assert codes(build(tmp_path / "wheels", tmp_path / "site")) == {
        path.name: "manifest-invalid"
    }


def test_two_files_of_one_name_are_both_left_out(tmp_path: Path) -> None:
    wheels = tmp_path / "wheels"
    path = plugin_wheel(wheels / "a", "acme")
    plugin_wheel(wheels / "b", "acme", summary="Another thing.")

    assert codes(build(wheels, tmp_path / "site")) == {path.name: "index-file-twice"}


def test_a_quarantined_project_offers_no_file(tmp_path: Path) -> None:
    wheels, site = stock(tmp_path / "wheels"), tmp_path / "site"
    build(wheels, site)
    text = '[projects.lockgate-acme]\nstatus = "quarantined"\nreason = "stolen key"\n'
    (wheels / "status.toml").write_text(text)

    build(wheels, site)

    said = page(site, "lockgate-acme")
    assert (said["files"], said["versions"]) == ([], [])
    assert said["project-status"] == {"status": "quarantined", "reason": "stolen key"}
    assert list((site / "files" / "lockgate-acme").glob("*")) == []
    html = (site / "plugins" / "lockgate-acme" / "index.html").read_text()
    assert "stolen key" in html
    assert "lockgate install" not in html

    (wheels / "status.toml").unlink()
    build(wheels, site)
    assert len(page(site, "lockgate-acme")["files"]) == 3


def test_a_plugin_that_is_yanked_whole_is_offered_by_version_only(
    tmp_path: Path,
) -> None:
    """PEP 592: an installer takes a yanked version only where it is named."""
    wheels, site = stock(tmp_path / "wheels"), tmp_path / "site"
    build(wheels, site)
    page_file = site / "plugins" / "lockgate-acme" / "index.html"
    versions = page(site, "lockgate-acme")["versions"]
    assert "lockgate install lockgate-acme<" in page_file.read_text()

    rows = "".join(f'"{version}" = "broken"\n' for version in versions)
    (wheels / "status.toml").write_text(f"[projects.lockgate-acme.yanked]\n{rows}")
    build(wheels, site)

    html = page_file.read_text()
    assert "Every version is yanked" in html
    assert "lockgate install lockgate-acme==" in html
    assert "lockgate install lockgate-acme<" not in html


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("x = [", ""),
        ("[projects.a]\nstatus = 'gone'\n", "projects.a.status"),
        ("[projects.a]\nyank = '1'\n", "projects.a.yank"),
        ("[projects.a.yanked]\n'no version' = 'x'\n", "no version"),
        ("\x00", ""),
    ],
)
def test_a_wrong_word_of_the_owner_stops_the_build(
    tmp_path: Path, text: str, place: str
) -> None:
    wheels = stock(tmp_path / "wheels")
    (wheels / "status.toml").write_text(text)

    with pytest.raises(PublishError) as caught:
        build(wheels, tmp_path / "site")

    assert caught.value.code == "index-status-invalid"
    assert place in caught.value.message
    assert not (tmp_path / "site").exists()


SPOILT: list[Callable[[Path], bytes]] = [
    lambda _: b"[]",
    lambda _: b"{",
    lambda _: b'{"version": 2, "attestation_bundles": []}',
    lambda wheel: provenance_for(wheel, filename="other-1.0-py3-none-any.whl"),
    lambda wheel: provenance_for(wheel).replace(b'"envelope"', b'"letter"'),
    lambda _: b"[" * 100_000,
]


@pytest.mark.parametrize("spoil", SPOILT)
def test_provenance_of_another_form_or_file_is_refused(
    tmp_path: Path, spoil: Callable[[Path], bytes]
) -> None:
    path = plugin_wheel(tmp_path / "wheels", "acme")
    path.with_name(path.name + ".provenance").write_bytes(spoil(path))

    assert codes(build(tmp_path / "wheels", tmp_path / "site")) == {
        path.name: "index-sidecar-invalid"
    }


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


def test_a_signature_is_verified_and_taken_over(tmp_path: Path) -> None:
    wheels, site = tmp_path / "wheels", tmp_path / "site"
    path = plugin_wheel(wheels, "acme")
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    key = Ed25519PrivateKey.from_private_bytes(bytes(32))
    envelope = sign(WheelFile(path.name, digest), key)
    path.with_name(f"{path.name}.signature").write_bytes(envelope)

    build(wheels, site)

    named = page(site, "lockgate-acme")["files"][0]["_lockgate"]["signature"]
    sidecar = (site / "simple" / "lockgate-acme" / named["url"]).resolve()
    signer = key_identity(key.public_key()).subject
    assert sidecar.read_bytes() == envelope
    assert named["sha256"] == hashlib.sha256(envelope).hexdigest()
    assert signer in (site / "plugins" / "lockgate-acme" / "index.html").read_text()

    other = sign(WheelFile("other-1.0-py3-none-any.whl", digest), key)
    path.with_name(f"{path.name}.signature").write_bytes(other)
    assert codes(build(wheels, site)) == {path.name: "identity-invalid"}
    assert not list((site / "files").rglob("*.whl"))


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
