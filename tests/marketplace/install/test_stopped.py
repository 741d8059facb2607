"""What an index can do to whoever installs by name: stopped by default, and told why.

Each case goes through the real command against a hostile server on loopback. Its
`says` are words that the message must have: what happened, and the way out.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Generator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from lockgate_marketplace.fetch import Fetcher, FetchLimits
from lockgate_marketplace.identity import WheelFile, sign
from tests.support.dists import manifest_text
from tests.support.indexes import (
    LoopbackIndex,
    Published,
    drip,
    loopback_index,
    many_rows,
    redirect,
)
from tests.support.market import Home, beside, offered, show_manifest
from tests.support.wheels import Draft

pytestmark = pytest.mark.kernel

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


@pytest.fixture
def scene(home: Home, monkeypatch: pytest.MonkeyPatch) -> Generator[Scene]:
    limits: dict[str, float] = {"attempts": 2, "backoff_seconds": 0.01}

    def quick(cache: Path, *, proxies: bool) -> Fetcher:
        short = FetchLimits(**limits)  # type: ignore[arg-type]
        return Fetcher(cache, limits=short, proxies=proxies)

    monkeypatch.setattr("lockgate_marketplace.resolve._opened.Fetcher", quick)
    with loopback_index() as main, loopback_index() as public:
        found = Scene(home, main, public, limits)
        found.settings()
        yield found


def signed(index: LoopbackIndex, published: Published, key: Ed25519PrivateKey) -> None:
    """Put the publisher's signature beside a file."""
    envelope = sign(WheelFile(published.filename, published.sha256), key)
    beside(index, published, "signature", ".signature", envelope)


# How each goes wrong; what is installed honestly before comes first.


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


@dataclass(frozen=True)
class Case:
    """An attack, or a trap: refused with `code`, in a message that `says` so much."""

    prepare: Callable[[Scene], object]
    code: str
    says: tuple[str, ...] = ()
    words: tuple[str, ...] = ("acme",)

    def __str__(self) -> str:
        return self.prepare.__name__


CASES = (
    Case(
        typo,
        "resolve-near-name",
        ("never installed here", "requests", "--name-is-right"),
        words=("reqeusts",),
    ),
    Case(
        typo_of_mine,
        "resolve-near-name",
        ("acme-lamp", "--name-is-right"),
        words=("acme-lmap",),
    ),
    Case(
        private_name_on_public,
        "source-reserved",
        ("your index main", "anybody"),
        words=("public/acme-core",),
    ),
    Case(
        private_name_below_public,
        "source-elsewhere",
        ("your index main", "dependencies = "),
        words=("public/helper",),
    ),
    Case(
        private_name_gone,
        "fetch-missing",
        ("the index main has no project acme-core",),
        words=("acme-core",),
    ),
    Case(nobodys_name, "source-unbound", ("main, public", "main/acme")),
    Case(
        version_vanished,
        "freshness-version-vanished",
        ("1.1 was there before", "trust accept main/acme"),
    ),
    Case(frozen, "freshness-serial-back", ("older state", "hides what came since")),
    Case(hash_changed, "freshness-hash-changed", ("other content", "never changes")),
    Case(
        late_file,
        "freshness-late-file",
        ("a release of 2025-01-01", "trust accept main/acme"),
    ),
    Case(
        out_of_quarantine,
        "freshness-status-back",
        ("was in quarantine", "trust accept main/acme"),
    ),
    Case(
        another_key,
        "identity-changed",
        ("took over the account", "trust rotate acme --index main"),
    ),
    Case(
        no_key_any_more,
        "identity-lost",
        ("it is not the author", "trust forget acme --index main"),
    ),
    Case(
        no_key_elsewhere,
        "identity-lost",
        ("acme 1.0 of the index main", "trust forget acme"),
    ),
    Case(
        another_key_below,
        "identity-changed",
        ("needed 1.0", "trust rotate needed --index main"),
    ),
    Case(
        signature_of_another, "identity-invalid", ("of another file", "Do not install")
    ),
    Case(signature_missing, "fetch-missing", ("does not have it", "Do not install")),
    Case(proof_demanded, "identity-unproven", ("nothing proves", "Ask the author")),
    Case(quarantined, "page-quarantined", ("it steals passwords", "Do not install")),
    Case(yanked, "resolve-no-candidate", ("it deletes files", "acme==1.0")),
    Case(back_by_a_yank, "resolve-older", ("acme 1.1 is installed", "acme==1.0")),
    Case(fresh, "resolve-no-candidate", ("less than 3 days ago", "--no-cooldown")),
    Case(fresh_below, "resolve-no-candidate", ("acme needs it", "cooldown-days")),
    Case(
        hidden_dependency,
        "resolve-metadata-differs",
        ("before the download", "Do not install"),
    ),
    Case(
        harmless_manifest,
        "resolve-manifest-differs",
        ("other rights than you were shown", "Do not install"),
    ),
    Case(swapped_file, "fetch-hash", ("not the file that the index describes",)),
    Case(no_hash, "page-unhashed", ("nothing would tell", "unhashed = true")),
    Case(
        swapped_without_hash, "fetch-hash", ("not the file that the index describes",)
    ),
    Case(local_file, "fetch-scheme", ("not on the web", "Do not work around it")),
    Case(another_host, "fetch-host", ("another host", "files = ")),
    Case(slow_page, "fetch-slow", ("nearly nothing", "where: http")),
    Case(endless_page, "fetch-too-large", ("more than 1,048,576 bytes",)),
    Case(endless_file, "fetch-too-large", ("1,000,000,000,000 bytes",)),
    Case(later_api, "page-api-version", ("Upgrade",)),
    Case(startup_file, "wheel-startup-file", ("at every start", "acme.pth")),
    Case(
        undeclared, "scan-undeclared-right", ("acme/more.py:2", "--accept-undeclared")
    ),
    Case(no_plugin, "contract-manifest", ("no plugin of lockgate",)),
    Case(
        two_of_one_name,
        "wheel-entry-point-owned",
        ("bolt", "belongs to acme"),
        words=("acme", "bolt"),
    ),
    Case(newer_host, "resolve-no-candidate", ("lockgate>=99", "Upgrade lockgate")),
    Case(
        another_hook_api, "resolve-no-candidate", ("hook API >=7", "Upgrade lockgate")
    ),
)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_it_is_stopped_and_leaves_nothing(case: Case, scene: Scene) -> None:
    case.prepare(scene)
    before = scene.home.files()
    pins = scene.home.json("trust", "show")["publishers"]

    status, out, err = scene.home.run("install", *case.words)

    assert (status, out) == (3, "")
    assert f"error[{case.code}]" in err
    assert "hint: " in err
    for word in case.says:
        assert word in err
    assert scene.home.files() == before
    assert not list((scene.home.data / "cache" / "incoming").glob("*/*"))
    assert scene.home.json("trust", "show")["publishers"] == pins


ACCEPT = ("trust", "accept", "main/acme")
WAYS_OUT: tuple[tuple[Callable[[Scene], object], tuple[str, ...], str], ...] = (
    (version_vanished, ACCEPT, "acme==1.0"),
    (frozen, ACCEPT, "acme"),
    (hash_changed, ACCEPT, "acme"),
    (late_file, ACCEPT, "acme"),
    (out_of_quarantine, ACCEPT, "acme"),
    (another_key, ("trust", "rotate", "acme", "--index", "main"), "acme"),
    (no_key_any_more, ("trust", "forget", "acme", "--index", "main"), "acme"),
    (another_key_below, ("trust", "rotate", "needed", "--index", "main"), "acme"),
    (yanked, (), "acme==1.0"),
    (back_by_a_yank, (), "acme==1.0"),
    (typo, (), "reqeusts --name-is-right"),
    (fresh, (), "acme --no-cooldown"),
    (undeclared, (), "acme --accept-undeclared"),
)


@pytest.mark.parametrize(
    ("prepare", "command", "words"), WAYS_OUT, ids=[w[0].__name__ for w in WAYS_OUT]
)
def test_the_way_out_that_is_told_is_one(
    scene: Scene, prepare: Callable[[Scene], object], command: list[str], words: str
) -> None:
    """So it was this layer, and nothing else, that stopped it."""
    prepare(scene)
    first = words.partition(" ")[0].partition("=")[0]
    assert scene.home.json("install", first)["status"] == 3

    if command:
        assert scene.home.json(*command)["status"] == 0

    assert scene.home.json("install", *words.split())["status"] == 0
