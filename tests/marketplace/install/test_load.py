"""``lockgate install`` loads a plugin once, sealed, before anybody is asked."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.support.confine import NO_LANDLOCK, command
from tests.support.imports import ATTACKS, victims
from tests.support.market import Home

pytestmark = pytest.mark.kernel

LEVEL = "LOCKGATE_PLUGINS__MARKETPLACE__CHECKS__LOAD"
NET = '[rights]\nnet = ["api.example.org"]\n'
SOCKET = "import socket\nsocket.socket()\n"


@pytest.fixture
def home(home: Home, monkeypatch: pytest.MonkeyPatch) -> Home:
    """One where the load is not switched off."""
    monkeypatch.delenv(LEVEL)
    return home


def wheel(home: Home, code: str, **how: Any) -> str:
    """A plugin that imports `code` as soon as it is imported."""
    return home.wheel(code=code, first="import acme.more\n", **how)


def test_a_plugin_that_attacks_on_import_is_refused(home: Home) -> None:
    with victims() as them:
        refused = home.json("install", wheel(home, them.source), "--accept-undeclared")
        harm = them.harm()

    error = refused["error"]
    assert (refused["status"], error["code"]) == (3, "contract-load-import")
    assert set(them.told(error["message"]).values()) <= {
        "PermissionError",
        "ProcessLookupError",
    }
    assert harm == set()
    assert home.files() == set()


def test_pip_and_python_do_what_it_says(home: Home) -> None:
    with victims() as them:
        site = home.root / "site"
        quiet = ("--no-index", "--no-deps", "-q", "--disable-pip-version-check")
        made = wheel(home, them.source)
        pip = [sys.executable, "-m", "pip", "install", *quiet, "--target", str(site)]
        subprocess.run([*pip, made], check=True)
        done = subprocess.run(
            [sys.executable, "-c", "import acme"],
            env={**os.environ, "PYTHONPATH": str(site)},
            capture_output=True,
            text=True,
            check=False,
        )
        them.process.wait(5)
        harm = them.harm()

    assert set(them.told(done.stderr).values()) == {"done"}
    assert harm <= set(ATTACKS)
    assert len(harm) == 4


ELSEWHERE = '[hooks]\ntransform = "acme.more:elsewhere"\n'


@pytest.mark.parametrize(
    ("code", "how", "refusal", "place"),
    [
        ("import os\nos._exit(0)\n", {}, "contract-load-crash", "acme/__init__.py"),
        ("x = bytearray(3 << 30)\n", {}, "contract-load-limit", "acme/more.py:1"),
        ("import missing_x\n", {}, "contract-load-import", "acme/more.py:1"),
        (SOCKET, {}, "contract-load-denied", "acme/more.py:2"),
        # `globals` hides from the check of the source what the worker then sees.
        ("globals()\n", {"extra": ELSEWHERE}, "contract-load-impl", "acme/more.py"),
    ],
)
def test_what_does_not_load_is_refused_with_its_place(
    home: Home, code: str, how: dict[str, Any], refusal: str, place: str
) -> None:
    taken = ("--accept-undeclared", "--accept-opaque")

    found = home.json("install", wheel(home, code, **how), *taken)

    assert found["error"]["code"] == refusal
    assert place in found["error"]["where"]
    assert found["error"]["hint"]
    assert home.files() == set()


def test_a_right_that_it_asks_for_is_a_note(home: Home) -> None:
    made = wheel(home, SOCKET, tier="elevated", extra=NET)

    found = home.json("install", made, "--grant-all")

    assert found["installed"]
    assert any("needs net:api.example.org" in note for note in found["notes"])


def test_its_owner_may_do_without(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    made = wheel(home, "raise RuntimeError('here')\n")

    monkeypatch.setenv(LEVEL, "required")
    refused = home.json("install", made, "--no-load")
    monkeypatch.setenv(LEVEL, "note")
    noted = home.json("install", made, "--dry-run")
    monkeypatch.delenv(LEVEL)
    stopped = home.json("install", made)
    taken = home.json("install", made, "--no-load")
    monkeypatch.setenv(LEVEL, "never")
    unsound = home.json("install", made)

    assert refused["error"]["code"] == "contract-load-import"
    assert "RuntimeError: here" in noted["notes"][0]
    assert stopped["error"]["code"] == "contract-load-import"
    assert taken["installed"]
    assert (unsound["status"], unsound["error"]["code"]) == (2, "config-invalid")


def test_a_project_cannot_weaken_a_check(home: Home) -> None:
    project = home.root / "lockgate.toml"
    project.write_text('[plugins.marketplace.checks]\nload = "off"\n')

    refused = home.json("install", wheel(home, "raise RuntimeError('here')\n"))

    assert (refused["status"], refused["error"]["code"]) == (2, "config-invalid")
    assert "came with the checkout" in refused["error"]["message"]


def test_where_no_worker_can_be_sealed_nothing_is_run(home: Home) -> None:
    trace = home.root / "trace"
    made = wheel(home, f"open({str(trace)!r}, 'w')\n")
    words = ["install", made, "--accept-undeclared", "--json"]

    done = subprocess.run(
        command([sys.executable, "-m", "lockgate", *words], refuse=NO_LANDLOCK),
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )

    error = json.loads(done.stdout)["error"]
    assert (done.returncode, error["code"]) == (3, "contract-load-unavailable")
    assert "lsm=landlock" in error["hint"]
    assert not trace.exists()
    assert home.files() == set()


def test_a_library_may_lie_in_one_folder_with_the_plugin(home: Home) -> None:
    """A package that another wheel adds to is loaded as the store will merge it."""
    from tests.support.wheels import forge_file

    more = {"acme/added/__init__.py": "VALUE = 1\n"}
    other = forge_file(home.root, "acme-added", files=more)
    made = home.wheel(requires=("acme-added",), first="import acme.added\n")

    assert home.json("install", made, str(other))["installed"]
    assert home.answer() == "1.0"
    assert Path(home.data, "store", "merged").is_dir()
