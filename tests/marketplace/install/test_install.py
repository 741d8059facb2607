"""``lockgate install FILE.whl``: a stranger's wheel becomes an answer, or nothing."""

from __future__ import annotations

import re
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from lockgate import Host
from lockgate.config import load_config
from lockgate.values import Tree
from lockgate_marketplace.cli import _consent as verb
from lockgate_marketplace.lock import (
    Lock,
    LockedPlugin,
    LockedWheel,
    read_lock,
    to_text,
)
from tests.support.dists import manifest_text
from tests.support.market import CODE, Home
from tests.support.wheels import forge_file

pytestmark = pytest.mark.kernel

RIGHTS = '[rights]\nnet = ["api.example.org"]\nenv = ["LANG"]\n'


def test_an_installed_plugin_answers(home: Home) -> None:
    found = home.json("install", home.wheel())

    assert found["status"] == 0
    assert (found["plugin"], found["version"], found["installed"]) == (
        "acme",
        "1.0",
        True,
    )
    assert home.answer() == "1.0"


def test_a_dry_run_leaves_nothing(home: Home) -> None:
    status, out, _ = home.run("install", home.wheel(), "--dry-run")

    assert status == 0
    assert "could be installed" in out
    assert not home.data.exists()


def test_rights_need_consent(home: Home) -> None:
    wheel = home.wheel(tier="elevated", extra=RIGHTS, code=_USES)

    refused = home.json("install", wheel)
    assert (refused["status"], refused["error"]["code"]) == (3, "consent-needed")
    assert set(refused["error"]["asked"]) == {
        "tier:elevated",
        "net:api.example.org",
        "env:LANG",
    }
    assert home.files() == set()

    bare = home.json("install", wheel, "--no-rights")
    assert bare["installed"]
    assert not any(right["granted"] for right in bare["rights"])

    given = home.json("install", wheel, "--grant-all")
    assert all(right["granted"] for right in given["rights"])
    shown = home.json("grants", "show", "acme")
    assert {row["state"] for row in shown["rights"]} == {"granted"}


_USES = '''
"""Uses what it asks for."""
import os


def ask(context):
    """Ask."""
    os.environ["LANG"]
    return context.http_transport()
'''


def test_an_upgrade_that_asks_for_more_is_staged(home: Home) -> None:
    home.json("install", home.wheel("1.0"))
    more = home.wheel("2.0", tier="elevated", extra=RIGHTS, code=_USES)

    with Host.open(load_config()) as host:
        refused = home.json("install", more, "--grant", "env:LANG")
        found = host.call("transform", plugin="acme", tree=Tree(), options={})
    assert (refused["status"], refused["error"]["code"]) == (3, "consent-needed")
    assert "1.0 stays installed" in refused["error"]["message"]
    assert found.first.tree["version.txt"].text == "1.0"
    assert home.answer() == "1.0"
    assert len([name for name in home.files() if name.startswith("wheels/")]) == 2

    done = home.json("install", more, "--grant-all")
    assert done["installed"]
    assert home.answer() == "2.0"


def test_an_upgrade_that_asks_for_the_same_needs_no_word(home: Home) -> None:
    home.json(
        "install",
        home.wheel("1.0", tier="elevated", extra=RIGHTS, code=_USES),
        "--grant-all",
    )

    found = home.json(
        "install", home.wheel("1.1", tier="elevated", extra=RIGHTS, code=_USES)
    )

    assert found["status"] == 0
    assert {right["change"] for right in found["rights"]} == {"held"}
    assert all(right["granted"] for right in found["rights"])


SOCKET = "import socket\nsocket.create_connection(('203.0.113.1', 1))\n"


HIDDEN = "exec(open(__file__).read()[:0])\n"


@pytest.mark.parametrize(
    ("how", "code"),
    [
        ({"code": SOCKET}, "scan-undeclared-right"),
        ({"code": HIDDEN}, "scan-unreadable"),
        ({"requires": ("numpy>=1",)}, "contract-needs"),
        ({"requires": ("lockgate>=99",)}, "contract-needs"),
        ({"requires": ("not a requirement!",)}, "wheel-metadata"),
        ({"extra": 'nonsense = "x"\n'}, "contract-manifest"),
        ({"tier": "system"}, "contract-system"),
        ({"extra": '[hooks]\ntransform = "acme:missing"\n'}, "contract-broken"),
        ({"requires_python": ">=99"}, "wheel-requires-python"),
    ],
)
def test_what_is_refused_leaves_nothing(
    home: Home, how: dict[str, Any], code: str
) -> None:
    refused = home.json("install", home.wheel(**how))

    assert (refused["status"], refused["error"]["code"]) == (3, code)
    assert refused["error"]["hint"]
    assert home.files() == set()


def test_a_wrong_manifest_is_told_with_file_line_and_key(home: Home) -> None:
    where = home.json("install", home.wheel(extra='nonsense = "x"\n'))["error"]["where"]

    assert re.fullmatch(
        r"\S+\.whl: \S+/lockgate\.toml:\d+ \(hooks\.nonsense\.impl\)", where
    )


def test_the_owner_may_take_what_the_scan_stops_at(home: Home) -> None:
    found = home.json("install", home.wheel(code=SOCKET), "--accept-undeclared")

    assert found["installed"]
    assert home.answer() == "1.0"


def test_a_plugin_comes_with_what_it_needs(home: Home) -> None:
    needed = forge_file(
        home.root, "needed", "2.5", files={"needed/__init__.py": "VALUE = '5'\n"}
    )
    wheel = home.wheel(requires=("needed>=2",))

    found = home.json("install", wheel, str(needed))

    assert [w["filename"][:4] for w in found["wheels"]] == ["acme", "need"]
    assert home.answer() == "1.0"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["acme"], "no index answers for acme"),
        (["acme", "acme.whl"], "no wheel"),
        (["nowhere.whl"], "nowhere"),
        ([], "NAME"),
    ],
)
def test_a_slip_is_told(home: Home, words: list[str], message: str) -> None:
    status, _, err = home.run("install", *words)

    assert status in (2, 3)
    assert message in err


def test_a_strangers_wheel_inherits_nothing_of_the_shipped_policy(home: Home) -> None:
    """Its name is a first-party plugin's, which is installed with shipped rights."""
    text = manifest_text(
        "devices",
        package="lockgate_devices",
        tier='"admin"',
        extra='[rights]\nworkers = true\nread = ["/sys/devices"]\n',
    )
    code = {"lockgate_devices/__init__.py": CODE.format(version="99")}
    made = forge_file(home.root, "lockgate-devices", "99", manifest=text, files=code)

    refused = home.json("install", str(made))

    assert (refused["status"], refused["error"]["code"]) == (3, "consent-needed")
    assert "tier:admin" in refused["error"]["asked"]
    assert not (home.root / "CONFIG" / "lockgate" / "grants.toml").exists()


def test_what_is_granted_is_what_was_agreed_to(home: Home) -> None:
    """Not what an earlier release had, in spite of a consent that named less."""
    first = home.wheel("1.0", tier="elevated", extra=RIGHTS, code=_USES)
    home.json("install", first, "--grant-all")
    home.run("uninstall", "acme")
    second = home.wheel("1.1", tier="elevated", extra=RIGHTS, code=_USES)

    home.json("install", second, "--grant", "env:LANG")
    rows = home.json("grants", "show", "acme")["rights"]
    assert {row["right"] for row in rows if row["state"] == "granted"} == {"env:LANG"}

    home.json("install", second, "--no-rights")
    rows = home.json("grants", "show", "acme")["rights"]
    assert {row["right"] for row in rows if row["state"] == "granted"} == set()


def test_a_right_without_the_tier_that_it_needs_is_told(home: Home) -> None:
    wheel = home.wheel("1.0", tier="elevated", extra=RIGHTS, code=_USES)

    status, out, _ = home.run("install", wheel, "--grant", "net:api.example.org")
    command = out.rpartition("To grant the tier too: lockgate ")[2].split()

    assert status == 0
    assert "acme stays at tier basic, where net:api.example.org is of no use" in out
    assert home.run(*command)[0] == 0
    assert home.json("info", "acme")["effective-tier"] == "elevated"


def test_consent_is_for_all_the_code_that_runs_with_it(home: Home) -> None:
    files = {"needed/__init__.py": "VALUE = 1\n"}
    old = str(forge_file(home.root, "needed", "1.0", files=files))
    new = str(forge_file(home.root, "needed", "6.6", files=files))
    how: dict[str, Any] = {"tier": "elevated", "extra": RIGHTS, "code": _USES}
    wheel = home.wheel("1.0", requires=("needed",), **how)
    home.json("install", wheel, old, "--grant-all")

    same = home.json("install", wheel, old)
    assert same["status"] == 0

    refused = home.json("install", wheel, new)
    assert (refused["status"], refused["error"]["code"]) == (3, "consent-needed")

    home.json("install", wheel, new, "--no-rights")
    rows = home.json("grants", "show", "acme")["rights"]
    assert {row["state"] for row in rows} == {"not granted"}


def test_a_lock_that_swaps_a_dependency_hands_it_no_rights(home: Home) -> None:
    files = {"needed/__init__.py": "VALUE = 1\n"}
    old = forge_file(home.root, "needed", "1.0", files=files)
    new = forge_file(home.root, "needed", "6.6", files=files)
    how: dict[str, Any] = {"tier": "elevated", "extra": RIGHTS, "code": _USES}
    wheel = home.wheel("1.0", requires=("needed",), **how)
    home.json("install", wheel, str(old), "--grant-all")
    home.run("lock", "--file", "lockgate.lock")
    lock = read_lock(home.root / "lockgate.lock")
    (entry,) = lock.entries
    swapped = LockedWheel("needed", "6.6", new.name, _hash(new))
    wheels = (entry.wheels[0], swapped)
    text = to_text(Lock((replace(entry, wheels=wheels),)))
    (home.root / "lockgate.lock").write_text(text)

    found = home.json("sync", "--file", "lockgate.lock", "--wheels", str(home.root))

    assert found["status"] == 0
    rows = home.json("grants", "show", "acme")["rights"]
    assert {row["state"] for row in rows} == {"stale"}
    with Host.open(load_config()) as host:
        found = host.call("transform", plugin="acme", tree=Tree(), options={})
        assert found.first_answer.tier == "basic"


def test_a_lock_cannot_call_one_wheel_by_anothers_name(home: Home) -> None:
    home.json("install", home.wheel("1.0"))
    evil = forge_file(home.root, "evil", "6.6", files={"evil/__init__.py": ""})
    home.run("lock", "--file", "lockgate.lock")
    (entry,) = read_lock(home.root / "lockgate.lock").entries
    own = replace(entry.wheels[0], sha256=_hash(evil))
    (home.root / own.filename).write_bytes(evil.read_bytes())
    text = to_text(Lock((replace(entry, wheels=(own,)),)))
    (home.root / "lockgate.lock").write_text(text)

    refused = home.json("sync", "--file", "lockgate.lock", "--wheels", str(home.root))

    assert refused["status"] == 3
    assert home.answer() == "1.0"


@pytest.mark.parametrize(
    ("how", "plugins", "code"),
    [
        ({"plugin": "acme"}, ("acme",), "wheel-entry-point-owned"),
        ({"tier": "system"}, ("evil",), "contract-system"),
        ({}, ("other",), "contract-manifest"),
        ({}, (), "contract-manifest"),
        ({}, ("acme", "acme"), "lock-invalid"),
    ],
)
def test_a_lock_brings_in_nothing_that_install_refuses_by_name(
    home: Home,
    how: dict[str, Any],
    plugins: tuple[str, ...],
    code: str,
) -> None:
    home.json("install", home.wheel("1.0"))
    name = how.get("plugin", "evil")
    text = manifest_text(name, package="evil", tier=f'"{how.get("tier", "read-only")}"')
    files = {"evil/__init__.py": CODE.format(version="6.6")}
    evil = forge_file(home.root, "evil", "6.6", manifest=text, files=files, plugin=name)
    own = LockedWheel("evil", "6.6", evil.name, _hash(evil))
    entry = LockedPlugin("evil", "6.6", plugins, (own,), ())
    (home.root / "lockgate.lock").write_text(to_text(Lock((entry,))))
    before = home.files()

    refused = home.json("sync", "--file", "lockgate.lock", "--wheels", str(home.root))

    assert (refused["status"], refused["error"]["code"]) == (3, code)
    assert home.files() == before
    assert home.answer() == "1.0"


def test_the_name_of_a_disabled_plugin_is_still_taken(home: Home) -> None:
    home.json("install", home.wheel("1.0"))
    home.run("disable", "acme")
    text = manifest_text("acme", package="evil")
    files = {"evil/__init__.py": CODE.format(version="6.6")}
    evil = forge_file(
        home.root, "evil", "6.6", manifest=text, files=files, plugin="acme"
    )

    refused = home.json("install", str(evil))

    assert refused["status"] == 3
    assert "acme" in refused["error"]["message"]


def _hash(path: Path) -> str:
    return sha256(path.read_bytes()).hexdigest()


def test_a_right_that_is_not_asked_for_is_not_granted(home: Home) -> None:
    refused = home.json("install", home.wheel(), "--grant", "net:evil.example")

    assert refused["error"]["code"] == "consent-unknown-right"
    assert home.files() == set()


def test_a_no_at_the_prompt_leaves_nothing(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []

    def no(question: str) -> bool:
        asked.append(question)
        return False

    monkeypatch.setattr(verb, "is_terminal", lambda: True)
    monkeypatch.setattr(verb, "confirm", no)

    status, out, err = home.run(
        "install", home.wheel(tier="elevated", extra=RIGHTS, code=_USES)
    )

    assert status == 3
    code = "consent-refused"
    assert f"error[{code}]" in err
    assert "api.example.org" in err
    assert out == ""
    assert asked
    assert home.files() == set()


def test_a_wheel_without_a_plugin_is_refused(home: Home) -> None:
    plain = forge_file(home.root, "plain", files={"plain/__init__.py": ""})

    refused = home.json("install", str(plain))

    assert refused["error"]["code"] == "contract-manifest"
