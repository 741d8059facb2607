"""``lockgate.lock`` of a project that means harm: sync judges all that it names."""

from __future__ import annotations

import os
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from lockgate_marketplace.identity import FILES, WheelFile, key_identity, sign
from lockgate_marketplace.install.locked import sync
from lockgate_marketplace.lock import (
    Lock,
    LockedPlugin,
    LockedWheel,
    read_lock,
    to_text,
)
from lockgate_marketplace.store import Store
from lockgate_marketplace.wheel import open_wheel
from tests.marketplace.install.test_install import HIDDEN, RIGHTS, SOCKET
from tests.marketplace.store.conftest import install
from tests.support.dists import manifest_text
from tests.support.indexes import Published, loopback_index
from tests.support.market import CODE, Home, beside, offered
from tests.support.wheels import forge_file

pytestmark = pytest.mark.kernel

ASKS = '''
"""Uses what it asks for."""
import os


def ask(context):
    """Ask."""
    os.environ["LANG"]
    return context.http_transport()
'''


def locked(path: Path) -> LockedWheel:
    name, version = path.name.split("-")[:2]
    digest = sha256(path.read_bytes()).hexdigest()
    return LockedWheel(name.replace("_", "-"), version, path.name, digest)


def write(home: Home, *entries: tuple[tuple[str, ...], list[Path]]) -> None:
    """A lock with one distribution for each list of wheels, and its plugins."""
    rows: list[LockedPlugin] = []
    for plugins, paths in entries:
        wheels = tuple(map(locked, paths))
        own = wheels[0]
        rows.append(LockedPlugin(own.name, own.version, plugins, wheels, ()))
    rows.sort(key=lambda row: row.distribution)
    (home.root / "lockgate.lock").write_text(to_text(Lock(tuple(rows))))


def synced(home: Home, *more: str) -> Any:
    return home.json("sync", "--wheels", str(home.root), *more)


def plugin(home: Home, name: str, version: str = "6.6", **how: Any) -> Path:
    extra = how.pop("extra", "")
    tier = how.pop("tier", "read-only")
    text = manifest_text(name, package=name, tier=f'"{tier}"', extra=extra)
    files = {f"{name}/__init__.py": CODE.format(version=version)}
    if code := how.pop("code", ""):
        files[f"{name}/more.py"] = code
    return forge_file(home.root, name, version, manifest=text, files=files, **how)


@pytest.mark.parametrize(
    ("how", "code"),
    [
        ({"code": SOCKET}, "scan-undeclared-right"),
        ({"code": HIDDEN}, "scan-unreadable"),
        ({"requires": ("numpy>=1",)}, "contract-needs"),
        ({"extra": '[hooks]\ntransform = "evil:missing"\n'}, "contract-broken"),
    ],
)
@pytest.mark.parametrize("stored", [False, True], ids=["from-folder", "from-store"])
def test_a_lock_installs_nothing_that_install_refuses(
    home: Home, how: dict[str, Any], code: str, stored: bool
) -> None:
    evil = plugin(home, "evil", **how)
    store = Store(home.data)
    if stored:
        # As a dependency of another plugin, where it is no plugin: for that it is
        # judged by what that one asks for, and its hooks are nobody's.
        install(store, open_wheel(plugin(home, "honest")), open_wheel(evil))
        evil.rename(evil.with_suffix(".gone"))
        evil = evil.with_suffix(".gone")
    named = locked(evil)
    filename = evil.with_suffix(".whl").name
    own = LockedWheel("evil", "6.6", filename, named.sha256)
    entry = LockedPlugin("evil", "6.6", ("evil",), (own,), ())
    (home.root / "lockgate.lock").write_text(to_text(Lock((entry,))))
    before = home.files()

    refused = synced(home)

    assert (refused["status"], refused["error"]["code"]) == (3, code)
    assert home.files() == before
    # The hole: what is in the store is put in force by whoever skips the judging.
    unjudged = store.get(own.sha256) if stored else store.add(open_wheel(evil))
    store.commit([store.environment([unjudged], ["evil"])], reason="unjudged")
    assert "evil" in home.run("list")[1]


def test_what_its_owner_accepts_is_installed(home: Home) -> None:
    evil = plugin(home, "evil", code=SOCKET)
    write(home, (("evil",), [evil]))

    assert synced(home)["status"] == 3
    assert synced(home, "--accept-undeclared")["status"] == 0
    assert synced(home)["status"] == 0, "it is in force, and was judged when it came"


def test_a_stored_wheel_is_none_of_another_plugins(home: Home) -> None:
    """Its plugin's name is another's by now: what was fine once is asked again."""
    first = forge_file(
        home.root,
        "first",
        manifest=manifest_text("acme", package="first"),
        files={"first/__init__.py": CODE.format(version="1")},
        plugin="acme",
    )
    home.json("install", str(first))
    home.run("uninstall", "acme")
    home.json("install", home.wheel("1.0"))
    write(home, (("acme",), [first]))

    refused = home.json("sync")

    assert (refused["status"], refused["error"]["code"]) == (
        3,
        "wheel-entry-point-owned",
    )
    assert home.answer() == "1.0"


def test_a_stored_file_that_changed_is_seen(home: Home) -> None:
    home.json("install", home.wheel("1.0"))
    write(home, (("acme",), [home.root / Path(home.wheel("1.0")).name]))
    home.run("uninstall", "acme")
    (code,) = home.data.glob("store/wheels/*/site/acme/__init__.py")
    code.chmod(0o644)
    code.write_text(code.read_text().replace("hookimpl", "hookimp1"))
    code.chmod(0o444)

    refused = home.json("sync")

    assert refused["error"]["code"] == "store-record"
    assert home.json("list")["status"] == 0


def test_a_word_for_any_version_is_none_for_a_lock(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    how: dict[str, Any] = {"tier": "elevated", "extra": RIGHTS, "code": ASKS}
    home.json("install", home.wheel("1.0", **how), "--grant-all")
    home.run("grants", "grant", "acme", "--all", "--any-version")
    other = home.root / "other"
    other.mkdir()
    evil = Path(home.wheel("6.6", **how))
    write(home, (("acme",), [evil]))

    refused = synced(home)
    assert (refused["status"], refused["error"]["code"]) == (3, "consent-lock")
    assert "net:api.example.org" in refused["error"]["asked"]
    assert home.answer() == "1.0"

    # With the check off the stranger's code has what was granted to the plugin.
    def unasked(*_: object) -> None:
        return

    monkeypatch.setattr(sync, "check_rights", unasked)
    assert synced(home)["status"] == 0
    rows = home.json("grants", "show", "acme")["rights"]
    assert {row["state"] for row in rows} == {"granted"}
    assert home.answer() == "6.6"


def test_the_owner_may_let_rights_pass_on(home: Home) -> None:
    how: dict[str, Any] = {"tier": "elevated", "extra": RIGHTS, "code": ASKS}
    home.json("install", home.wheel("1.0", **how), "--grant-all")
    home.run("grants", "grant", "acme", "--all", "--any-version")
    write(home, (("acme",), [Path(home.wheel("1.1", **how))]))

    assert synced(home, "--keep-rights")["status"] == 0
    assert home.answer() == "1.1"


def test_wheels_that_do_not_go_together_leave_nothing(home: Home) -> None:
    files = {"shared/__init__.py": "A = 1\n"}
    one = forge_file(home.root, "one", files=files)
    two = forge_file(home.root, "two", files={"shared/__init__.py": "A = 2\n"})
    acme = home.wheel("1.0")

    installed = home.json("install", acme, str(one), str(two))
    write(home, (("acme",), [Path(acme), one, two]))
    refused = synced(home)

    assert installed["error"]["code"] == refused["error"]["code"]
    assert refused["error"]["code"] == "store-file-collision"
    assert home.files() == set()


def test_a_lock_brings_no_wheel_of_somebody_else(home: Home) -> None:
    """Who made a plugin is remembered, and asked of a lock's wheels as of a file's."""
    home.json("install", home.wheel("1.0"))
    key = key_identity(Ed25519PrivateKey.generate().public_key())
    words = ("--index", FILES, "--key", f"ed25519:{key.subject}")
    assert home.json("trust", "pin", "acme", *words)["status"] == 0
    write(home, (("acme",), [Path(home.wheel("6.6"))]))

    refused = synced(home)
    assert (refused["status"], refused["error"]["code"]) == (3, "identity-lost")
    assert home.answer() == "1.0"

    home.json("trust", "forget", "acme")
    assert synced(home)["status"] == 0, "nobody was remembered: it is the lock's word"
    assert home.answer() == "6.6"


@pytest.mark.parametrize("verb", [["sync"], ["lock", "--check"]])
def test_a_pipe_in_the_locks_place_is_waited_for_by_nobody(
    home: Home, verb: list[str]
) -> None:
    os.mkfifo(home.root / "lockgate.lock")

    refused = home.json(*verb)

    assert (refused["status"], refused["error"]["code"]) == (3, "lock-invalid")


LANG = '[rights]\nenv = ["LANG"]\n'
READS = 'import os\nos.environ["LANG"]\n'


def lock_text(made: Published, more: str = "") -> str:
    wheel = f'filename = "{made.filename}", sha256 = "{made.sha256}"{more}'
    return (
        f'schema = 2\n[[plugin]]\ndistribution = "acme"\nversion = "{made.version}"\n'
        'plugins = ["acme"]\nrights = []\nwheels = [\n'
        f'  {{ name = "acme", version = "{made.version}", {wheel} }},\n]\n'
    )


@pytest.mark.parametrize("early", [False, True], ids=["once", "with a lie before"])
def test_a_lock_does_not_bring_back_what_nobody_proved(home: Home, early: bool) -> None:
    """What lies in the store for another reason is not by whom its name is by now."""
    key = Ed25519PrivateKey.generate()
    subject = key_identity(key.public_key()).subject
    who = f'kind = "key", issuer = "ed25519", subject = "{subject}"'
    lie = f", identity = {{ {who} }}"
    lock = home.root / "lockgate.lock"
    with loopback_index() as index:
        home.indexes(main=index)
        offered(index)
        home.json("install", "acme")
        stale = offered(index, version="1.1", tier="elevated", extra=LANG, code=READS)
        assert home.json("upgrade", "acme")["plugins"][0]["state"] == "staged"
        if early:  # as nobody is proven yet it is taken, and the lie is written down
            lock.write_text(lock_text(stale, lie))
            assert home.json("sync")["status"] == 0
        signed = offered(index, version="1.2")
        file = WheelFile(signed.filename, signed.sha256)
        beside(index, signed, "signature", ".signature", sign(file, key))
        assert home.json("upgrade", "acme")["plugins"][0]["state"] == "upgraded"
    lock.write_text(lock_text(stale, lie))

    refused = home.json("sync")

    assert refused["error"]["code"] == "identity-lost"
    assert home.answer() == "1.2"
    lock.write_text(lock_text(signed))
    assert home.json("sync")["status"] == 0
    home.run("uninstall", "acme")
    assert home.json("sync")["status"] == 0, "what was proven is taken from the store"
    assert home.answer() == "1.2"


def test_one_plugins_proven_wheel_proves_nothing_of_anothers_of_its_name(
    home: Home,
) -> None:
    key = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
    real = forge_file(home.root, "needed", "2.0", files={"needed/__init__.py": ""})
    file = WheelFile(real.name, sha256(real.read_bytes()).hexdigest())
    real.with_name(f"{real.name}.signature").write_bytes(sign(file, key))
    fake = forge_file(home.root, "needed", "1.0", files={"needed/__init__.py": "#"})
    write(
        home,
        (("evil",), [plugin(home, "evil", requires=("needed",)), fake]),
        (("honest",), [plugin(home, "honest", requires=("needed",)), real]),
    )

    assert synced(home)["status"] == 0

    home.run("lock")
    lock = read_lock(home.root / "lockgate.lock")
    wheels = [wheel for entry in lock.entries for wheel in entry.wheels]
    by = {(wheel.name, wheel.version): wheel.identity.kind for wheel in wheels}
    assert (by["needed", "1.0"], by["needed", "2.0"]) == ("none", "key")
