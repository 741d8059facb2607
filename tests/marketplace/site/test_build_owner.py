"""What the owner of a site may say of a project, and what it may not change."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from lockgate_marketplace.errors import PublishError
from lockgate_marketplace.identity import WheelFile, key_identity, sign
from lockgate_marketplace.site import build
from tests.marketplace.site.built import codes, page
from tests.marketplace.site.samples import plugin_wheel, provenance_for, stock
from tests.support.wheels import forge_file

pytestmark = pytest.mark.usefixtures("build_date")


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
