"""What an index can do to whoever installs by name: stopped by default, and told why.

Each case goes through the real command against a hostile server on loopback. Its
`says` are words that the message must have: what happened, and the way out.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import dataclass
from pathlib import Path

import pytest

from lockgate_marketplace.fetch import Fetcher, FetchLimits
from tests.marketplace.install.stops import (
    Scene,
    another_hook_api,
    another_host,
    another_key,
    another_key_below,
    back_by_a_yank,
    endless_file,
    endless_page,
    fresh,
    fresh_below,
    frozen,
    harmless_manifest,
    hash_changed,
    hidden_dependency,
    late_file,
    later_api,
    local_file,
    newer_host,
    no_hash,
    no_key_any_more,
    no_key_elsewhere,
    no_plugin,
    nobodys_name,
    out_of_quarantine,
    private_name_below_public,
    private_name_gone,
    private_name_on_public,
    proof_demanded,
    quarantined,
    signature_missing,
    signature_of_another,
    slow_page,
    startup_file,
    swapped_file,
    swapped_without_hash,
    two_of_one_name,
    typo,
    typo_of_mine,
    undeclared,
    version_vanished,
    yanked,
)
from tests.support.indexes import loopback_index
from tests.support.market import Home

pytestmark = pytest.mark.kernel


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
