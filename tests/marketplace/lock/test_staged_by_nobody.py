"""What lies in the store for another reason is not by whom its name is by now."""

from __future__ import annotations

from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from lockgate_marketplace.identity import WheelFile, key_identity, sign
from tests.support.indexes import Published, loopback_index
from tests.support.market import Home, beside, offered

pytestmark = pytest.mark.kernel

RIGHTS = '[rights]\nenv = ["LANG"]\n'
USES = 'import os\nos.environ["LANG"]\n'


def lock_of(made: Published, more: str = "") -> str:
    wheel = f'filename = "{made.filename}", sha256 = "{made.sha256}"{more}'
    return (
        f'schema = 2\n[[plugin]]\ndistribution = "acme"\nversion = "{made.version}"\n'
        'plugins = ["acme"]\nrights = []\nwheels = [\n'
        f'  {{ name = "acme", version = "{made.version}", {wheel} }},\n]\n'
    )


@pytest.mark.parametrize("early", [False, True], ids=["once", "with a lie before"])
def test_a_lock_does_not_bring_back_what_nobody_proved(home: Home, early: bool) -> None:
    key = Ed25519PrivateKey.generate()
    subject = key_identity(key.public_key()).subject
    who = f'kind = "key", issuer = "ed25519", subject = "{subject}"'
    lie = f", identity = {{ {who} }}"
    lock = Path(home.root / "lockgate.lock")
    with loopback_index() as index:
        home.indexes(main=index)
        offered(index)
        home.json("install", "acme")
        stale = offered(index, version="1.1", tier="elevated", extra=RIGHTS, code=USES)
        assert home.json("upgrade", "acme")["plugins"][0]["state"] == "staged"
        if early:  # as nobody is proven yet it is taken, and the lie is written down
            lock.write_text(lock_of(stale, lie))
            assert home.json("sync")["status"] == 0
        signed = offered(index, version="1.2")
        file = WheelFile(signed.filename, signed.sha256)
        beside(index, signed, "signature", ".signature", sign(file, key))
        assert home.json("upgrade", "acme")["plugins"][0]["state"] == "upgraded"
    lock.write_text(lock_of(stale, lie))

    refused = home.json("sync")

    assert refused["error"]["code"] == "identity-lost"
    assert home.answer() == "1.2"
    lock.write_text(lock_of(signed))
    assert home.json("sync")["status"] == 0
    home.run("uninstall", "acme")
    assert home.json("sync")["status"] == 0, "what was proven is taken from the store"
    assert home.answer() == "1.2"
