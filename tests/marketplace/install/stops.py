"""What an index, or a name, can do to whoever installs by name: one function each."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from lockgate_marketplace.identity import WheelFile, sign
from tests.support.dists import manifest_text
from tests.support.indexes import LoopbackIndex, Published, drip, many_rows, redirect
from tests.support.market import Home, beside, offered, show_manifest
from tests.support.wheels import Draft

__all__ = [
    "NEW",
    "OLD",
    "PAGE",
    "Scene",
    "another_hook_api",
    "another_host",
    "another_key",
    "another_key_below",
    "back_by_a_yank",
    "endless_file",
    "endless_page",
    "fresh",
    "fresh_below",
    "frozen",
    "harmless_manifest",
    "hash_changed",
    "hidden_dependency",
    "late_file",
    "later_api",
    "local_file",
    "newer_host",
    "no_hash",
    "no_key_any_more",
    "no_key_elsewhere",
    "no_plugin",
    "nobodys_name",
    "out_of_quarantine",
    "private_name_below_public",
    "private_name_gone",
    "private_name_on_public",
    "proof_demanded",
    "quarantined",
    "signature_missing",
    "signature_of_another",
    "signed",
    "slow_page",
    "startup_file",
    "swapped_file",
    "swapped_without_hash",
    "two_of_one_name",
    "typo",
    "typo_of_mine",
    "undeclared",
    "version_vanished",
    "yanked",
]

PAGE = "/simple/acme/"

OLD = Ed25519PrivateKey.from_private_bytes(b"1" * 32)

NEW = Ed25519PrivateKey.from_private_bytes(b"2" * 32)


@dataclass
class Scene:
    """A home, and the two indexes of its settings: `main` is the default."""

    home: Home
    main: LoopbackIndex
    public: LoopbackIndex
    limits: dict[str, float]

    def settings(self, more: str = "", *, public: bool = False, **top: str) -> None:
        """Both indexes, `more` said of the main one."""
        if "cooldown" not in more:
            more += "\ncooldown-days = 0"
        main = f'url = "{self.main.url}"\n{more}'
        both = {"main": main, "public": self.public} if public else {"main": main}
        self.home.indexes(**both, **top)

    def install(self, *words: str) -> None:
        """An honest installation that went before."""
        found = self.home.json("install", *words)
        assert found["status"] == 0, found


def signed(index: LoopbackIndex, published: Published, key: Ed25519PrivateKey) -> None:
    """Put the publisher's signature beside a file."""
    envelope = sign(WheelFile(published.filename, published.sha256), key)
    beside(index, published, "signature", ".signature", envelope)


def typo(on: Scene) -> None:
    offered(on.main, "reqeusts")


def typo_of_mine(on: Scene) -> None:
    offered(on.main, "acme-lamp")
    on.install("acme-lamp")
    offered(on.main, "acme-lmap")


def private_name_on_public(on: Scene) -> None:
    on.settings('prefixes = ["acme"]', public=True, default="main")
    offered(on.public, "acme-core", "99.0")


def private_name_below_public(on: Scene) -> None:
    on.settings('prefixes = ["acme"]', public=True, default="main")
    offered(on.main, "acme-core")
    on.public.add("acme-core", "99.0")
    offered(on.public, "helper", requires=("acme-core",))


def private_name_gone(on: Scene) -> None:
    """It was taken away, or never was: the public one is not asked."""
    on.settings('prefixes = ["acme"]', public=True, default="main")
    offered(on.public, "acme-core", "99.0")


def nobodys_name(on: Scene) -> None:
    on.settings(public=True)
    offered(on.public)


def version_vanished(on: Scene) -> None:
    offered(on.main, version="1.0")
    offered(on.main, version="1.1")
    on.install("acme")
    del on.main.project("acme").files[1]


def frozen(on: Scene) -> None:
    on.main.project("acme").meta = {"_last-serial": 700}
    offered(on.main)
    on.install("acme")
    on.main.project("acme").meta = {"_last-serial": 650}


def hash_changed(on: Scene) -> None:
    offered(on.main)
    on.install("acme")
    on.main.project("acme").files.clear()
    offered(on.main, code="x = 'swapped'\n")


def late_file(on: Scene) -> None:
    offered(on.main)
    on.install("acme")
    offered(on.main, tag="py2.py3-none-any")


def out_of_quarantine(on: Scene) -> None:
    offered(on.main)
    on.main.project("acme").status = "quarantined"
    on.home.json("install", "acme")
    on.main.project("acme").status = None


def another_key(on: Scene) -> None:
    signed(on.main, offered(on.main), OLD)
    on.install("acme")
    signed(on.main, offered(on.main, version="1.1"), NEW)


def no_key_any_more(on: Scene) -> None:
    signed(on.main, offered(on.main), OLD)
    on.install("acme")
    offered(on.main, version="1.1")


def no_key_elsewhere(on: Scene) -> None:
    signed(on.main, offered(on.main), OLD)
    on.install("acme")
    on.settings(public=True, default="public")
    offered(on.public, version="1.1")


def another_key_below(on: Scene) -> None:
    """It is not the plugin that changed hands, but what it needs."""
    needed = on.main.add("needed", "1.0")
    signed(on.main, needed, OLD)
    offered(on.main, requires=("needed",))
    on.install("acme")
    signed(on.main, on.main.add("needed", "1.1"), NEW)


def signature_of_another(on: Scene) -> None:
    published = offered(on.main)
    other = sign(WheelFile(published.filename, "0" * 64), OLD)
    beside(on.main, published, "signature", ".signature", other)


def signature_missing(on: Scene) -> None:
    published = offered(on.main)
    signed(on.main, published, OLD)
    del on.main.served[f"/files/{published.filename}.signature"]


def proof_demanded(on: Scene) -> None:
    on.settings("proof = true")
    offered(on.main)


def quarantined(on: Scene) -> None:
    offered(on.main)
    reason = {"status": "quarantined", "reason": "it steals passwords"}
    on.main.project("acme").status = reason


def yanked(on: Scene) -> None:
    offered(on.main, yanked="it deletes files")


def back_by_a_yank(on: Scene) -> None:
    """What is yanked has not vanished, so no memory stops it."""
    offered(on.main)
    offered(on.main, version="1.1")
    on.install("acme")
    on.main.file("acme", "1.1").row["yanked"] = "do not use it"


def fresh(on: Scene) -> None:
    on.settings("cooldown-days = 3")
    offered(on.main, uploaded=datetime.now(UTC) - timedelta(hours=2))


def fresh_below(on: Scene) -> None:
    on.settings("cooldown-days = 3")
    offered(on.main, requires=("needed",))
    on.main.add("needed", uploaded=datetime.now(UTC) - timedelta(hours=2))


def hidden_dependency(on: Scene) -> None:
    told = on.main.served.pop(f"/files/{offered(on.main).filename}.metadata")
    on.main.project("acme").files.clear()
    published = offered(on.main, requires=("needed",))
    on.main.served[f"/files/{published.filename}.metadata"] = told
    published.row["core-metadata"] = {"sha256": sha256(told).hexdigest()}


def harmless_manifest(on: Scene) -> None:
    published = offered(on.main, tier="elevated", extra='[rights]\nenv = ["LANG"]\n')
    show_manifest(on.main, published, manifest_text("acme"))


def swapped_file(on: Scene) -> None:
    published = offered(on.main)
    on.main.served[f"/files/{published.filename}"] = b"x" * len(published.content)


def no_hash(on: Scene) -> None:
    offered(on.main).row["hashes"] = {}


def swapped_without_hash(on: Scene) -> None:
    on.settings("unhashed = true")
    offered(on.main).row["hashes"] = {}
    on.install("acme")
    on.main.project("acme").files.clear()
    offered(on.main, code="x = 'swapped'\n").row["hashes"] = {}


def local_file(on: Scene) -> None:
    published = offered(on.main)
    local = on.home.root / published.filename
    local.write_bytes(published.content)
    published.row["url"] = local.as_uri()


def another_host(on: Scene) -> None:
    published = offered(on.main)
    path = f"/files/{published.filename}"
    on.public.served[path] = published.content
    on.main.answers[path] = redirect(f"{on.public.origin}{path}")


def slow_page(on: Scene) -> None:
    on.limits.update(slowest_seconds=1.0)
    offered(on.main)
    page = json.dumps(on.main.json_page("acme")).encode()
    on.main.answers[PAGE] = drip(page, seconds=0.4)


def endless_page(on: Scene) -> None:
    on.limits.update(page_bytes=1 << 20)
    on.main.answers[PAGE] = many_rows(offered(on.main).row, 400_000)


def endless_file(on: Scene) -> None:
    on.limits.update(file_bytes=1 << 20)
    offered(on.main).row["size"] = 10**12


def later_api(on: Scene) -> None:
    offered(on.main)
    on.main.api_version = "2.0"


def startup_file(on: Scene) -> None:
    draft = Draft("acme")
    draft.add("acme/__init__.py")
    draft.add("acme.pth", "import acme\n")
    raw = draft.seal().pack()
    on.main.publish("acme", "1.0", draft.filename, raw)


def undeclared(on: Scene) -> None:
    code = "import socket\nsocket.create_connection(('203.0.113.1', 1))\n"
    offered(on.main, code=code)


def no_plugin(on: Scene) -> None:
    on.main.add("acme")


def two_of_one_name(on: Scene) -> None:
    offered(on.main)
    text = manifest_text("acme", package="bolt")
    on.main.add("bolt", manifest=text, plugin="acme")


def newer_host(on: Scene) -> None:
    offered(on.main, requires=("lockgate>=99",))


def another_hook_api(on: Scene) -> None:
    published = offered(on.main)
    show_manifest(on.main, published, manifest_text("acme", hook_api='">=7"'))
