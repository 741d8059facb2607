"""``lockgate install NAME``: publishers, proofs and what an index shows."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from lockgate_marketplace.identity import WheelFile, sign
from tests.marketplace.install.named import checks
from tests.support.dists import manifest_text
from tests.support.indexes import LoopbackIndex, Published
from tests.support.market import Home, beside, offered, show_manifest
from tests.support.servers import reply

pytestmark = pytest.mark.kernel

KEY = Ed25519PrivateKey.from_private_bytes(b"1" * 32)


def signature(published: Published) -> bytes:
    return sign(WheelFile(published.filename, published.sha256), KEY)


def test_a_signed_plugin_stays_its_publishers(home: Home, main: LoopbackIndex) -> None:
    """Also when it comes as a file, where the proof lies beside it."""
    first = offered(main)
    beside(main, first, "signature", ".signature", signature(first))
    found = home.json("install", "acme")
    assert found["by"]["kind"] == "key"
    assert "seen for the first time" in found["wheels"][0]["by"]

    later = offered(main, version="1.1")
    file = home.root / later.filename
    file.write_bytes(later.content)
    refused = home.json("install", str(file))
    assert (refused["status"], refused["error"]["code"]) == (3, "identity-lost")
    assert home.answer() == "1.0"

    file.with_name(f"{file.name}.signature").write_bytes(signature(first))
    refused = home.json("install", str(file))
    assert refused["error"]["code"] == "identity-invalid"

    file.with_name(f"{file.name}.signature").write_bytes(signature(later))
    found = home.json("install", str(file))
    assert "as before" in found["wheels"][0]["by"]
    assert home.answer() == "1.1"


def test_a_signed_file_is_remembered_too(home: Home, main: LoopbackIndex) -> None:
    first = offered(main)
    file = home.root / first.filename
    file.write_bytes(first.content)
    file.with_name(f"{file.name}.signature").write_bytes(signature(first))
    home.json("install", str(file))

    refused = home.json("install", "acme")

    assert refused["error"]["code"] == "identity-lost"


def test_a_change_of_hands_that_is_right_is_said_once(
    home: Home, main: LoopbackIndex
) -> None:
    first = offered(main)
    beside(main, first, "signature", ".signature", signature(first))
    home.json("install", "acme")
    offered(main, version="1.1")
    assert home.json("install", "acme")["status"] == 3

    home.json("trust", "forget", "acme", "--index", "main")

    assert home.json("install", "acme")["version"] == "1.1"


def test_the_manifest_that_the_index_shows_must_be_the_wheels(
    home: Home, main: LoopbackIndex
) -> None:
    extra = '[rights]\nenv = ["LANG"]\n'
    uses = 'import os\nos.environ["LANG"]\n'
    published = offered(main, tier="elevated", extra=extra, code=uses)
    show_manifest(main, published, manifest_text("acme"))

    refused = home.json("install", "acme", "--grant-all")

    assert (refused["status"], refused["error"]["code"]) == (
        3,
        "resolve-manifest-differs",
    )
    assert home.files() == set()

    text = manifest_text("acme", tier='"elevated"', extra=extra)
    show_manifest(main, published, text)
    assert home.json("install", "acme", "--grant-all")["installed"]


def test_a_proof_is_asked_for_as_its_owner_says(
    home: Home, main: LoopbackIndex, monkeypatch: pytest.MonkeyPatch
) -> None:
    offered(main)

    def tried() -> Any:
        return home.json("install", "acme", "--dry-run")

    bare = tried()
    checks(monkeypatch, proof="note")
    noted = tried()
    checks(monkeypatch, proof="stop")
    stopped = tried()
    home.indexes(main=f'url = "{main.url}"\nproof = false')
    trusted = tried()
    checks(monkeypatch, proof="off")
    home.indexes(main=f'url = "{main.url}"\nproof = true')
    demanded = tried()

    assert (bare["status"], bare["warnings"]) == (0, [])
    assert noted["warnings"] == ["nothing proves who made acme 1.0"]
    assert stopped["error"]["code"] == "identity-unproven"
    assert (trusted["status"], trusted["warnings"]) == (0, [])
    assert demanded["error"]["code"] == "identity-unproven"


@pytest.mark.parametrize("what", ["provenance", "signature"])
@pytest.mark.parametrize("how", ["empty", "not modified"])
def test_a_proof_that_is_named_and_comes_empty_is_not_none(
    home: Home, main: LoopbackIndex, what: str, how: str
) -> None:
    """Else whoever runs the index could make any release one that nobody proved."""
    made = offered(main)
    beside(main, made, what, f".{what}", b"")
    if how == "not modified":
        path = f"/files/{made.filename}.{what}"
        main.answers[path] = lambda _: reply(b"", "304 Not Modified")

    refused = home.json("install", "acme")

    expected = "fetch-missing" if how == "empty" else "fetch-status"
    assert refused["error"]["code"] == expected
    assert home.files() == set()


@pytest.mark.parametrize("suffix", [".provenance", ".signature"])
def test_an_empty_file_beside_a_wheel_is_no_proof_and_not_none(
    home: Home, suffix: str
) -> None:
    wheel = home.wheel()
    Path(wheel + suffix).touch()

    assert home.json("install", wheel)["error"]["code"] == "identity-malformed"
