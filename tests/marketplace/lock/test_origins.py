"""What a lock tells of where plugins came from, and what becomes of a lie about it."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Generator
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from lockgate_marketplace.identity import Identity, WheelFile, key_identity, sign
from lockgate_marketplace.lock import LockedPlugin, read_lock, to_pylock
from tests.support.dists import manifest_text
from tests.support.indexes import LoopbackIndex, loopback_index
from tests.support.market import Home, beside, offered

pytestmark = pytest.mark.kernel

OLD = "lock-old"
KEY = Ed25519PrivateKey.generate()
RIGHTS = '[rights]\nenv = ["LANG"]\n'
USES = 'import os\nos.environ["LANG"]\n'


@pytest.fixture
def main(home: Home) -> Generator[LoopbackIndex]:
    """The one index of the settings, with a plugin that its publisher signed."""
    with loopback_index() as index:
        home.indexes(main=index)
        index.add("needed", "2.0", files={"needed/__init__.py": "VALUE = 5\n"})
        made = offered(
            index, requires=("needed",), tier="elevated", extra=RIGHTS, code=USES
        )
        file = WheelFile(made.filename, made.sha256)
        beside(index, made, "signature", ".signature", sign(file, KEY))
        yield index


def locked(home: Home) -> tuple[Path, LockedPlugin]:
    assert home.run("lock")[0] == 0
    path = home.root / "lockgate.lock"
    (entry,) = read_lock(path).entries
    return path, entry


def test_a_lock_tells_index_publisher_verdict_and_grant(
    home: Home, main: LoopbackIndex
) -> None:
    del main
    assert home.json("install", "acme", "--grant-all")["installed"]

    _, entry = locked(home)
    text = manifest_text("acme", tier='"elevated"', extra=RIGHTS)

    own, needed = entry.wheels
    assert (own.index, needed.index) == ("main", "main")
    assert own.identity == key_identity(KEY.public_key())
    assert needed.identity.kind == "none"
    assert entry.hook_api == ">=1,<2"
    assert entry.manifest == hashlib.sha256(text.encode()).hexdigest()
    assert re.fullmatch("[0-9a-f]{24}", entry.scan)
    assert set(entry.rights) == {"tier:elevated", "env:LANG"}
    assert entry.granted_at
    assert re.fullmatch("[0-9a-f]{64}", entry.granted_for)

    home.json("install", "acme", "--no-rights")
    _, bare = locked(home)
    assert (bare.rights, bare.granted_at, bare.granted_for) == ((), "", "")


def test_a_lock_that_names_another_publisher_is_refused(
    home: Home, main: LoopbackIndex
) -> None:
    del main
    home.json("install", "acme", "--no-rights")
    path, entry = locked(home)
    home.run("uninstall", "acme")
    other = key_identity(Ed25519PrivateKey.generate().public_key())
    text = path.read_text()
    honest = home.json("sync", "--dry-run")
    path.write_text(text.replace(entry.wheels[0].identity.subject, other.subject))

    refused = home.json("sync")

    assert honest["status"] == 0
    assert (refused["status"], refused["error"]["code"]) == (3, "lock-identity")
    assert other.subject in refused["error"]["message"]
    path.write_text(text)
    assert home.json("sync")["same"]
    assert locked(home)[1] == entry, "what the lock told is told again"


def test_a_lock_of_the_earlier_form_is_read_and_told(
    home: Home, main: LoopbackIndex
) -> None:
    del main
    home.json("install", "acme", "--no-rights")
    path, _ = locked(home)
    text = re.sub(r"(?m)^(hook-api|manifest|scan) = .*\n", "", path.read_text())
    text = re.sub(r', index = "main"(, identity = \{[^}]*\})?', "", text)
    path.write_text(text.replace("schema = 2", "schema = 1"))

    status, out, err = home.run("lock", "--check")

    assert (status, "is what" in out) == (0, True), out
    assert f"warning[{OLD}]" in err
    assert "lockgate lock" in err
    assert locked(home)[0].read_text() != text
    path.write_text(path.read_text().replace("schema = 2", "schema = 1"))
    assert home.json("sync")["error"]["code"] == "lock-invalid"


def test_a_pylock_names_who_attested() -> None:
    from packaging.pylock import Pylock

    from lockgate.documents import parse_document
    from lockgate_marketplace.lock import LockedWheel

    identity = Identity(
        "attestation",
        "https://token.actions.githubusercontent.com",
        "772247423",
        "2314423",
        ".github/workflows/release.yml",
        (("publisher", "GitHub"), ("repository", "https://github.com/acme/plug")),
    )
    own = LockedWheel(
        "acme", "1.0", "acme-1.0-py3-none-any.whl", "ab" * 32, "main", identity
    )
    text = to_pylock(LockedPlugin("acme", "1.0", ("acme",), (own,)))

    document = parse_document(text.encode(), "toml", name="pylock.toml")
    assert isinstance(document, dict)
    found = Pylock.from_dict(document)
    assert found.packages[0].attestation_identities == [
        {"kind": "GitHub", "repository": "acme/plug", "workflow": "release.yml"}
    ]
