"""What comes along with a plugin is read too, and told to who is asked to agree."""

from __future__ import annotations

from typing import Any

import pytest

from tests.marketplace.install.test_install import HIDDEN, RIGHTS, SOCKET
from tests.marketplace.install.test_together import USES
from tests.support.market import Home
from tests.support.wheels import forge_file

pytestmark = pytest.mark.kernel

HOW: dict[str, Any] = {"tier": "elevated", "extra": RIGHTS, "code": USES}
PROGRAM = "import subprocess\nsubprocess.run(['/bin/true'])\n"


def needed(home: Home, name: str, source: str) -> str:
    files = {f"{name}/__init__.py": source}
    return str(forge_file(home.root, name, "6.6", files=files))


def test_what_dependencies_do_beyond_the_rights_is_told(home: Home) -> None:
    wheels = [
        home.wheel("1.0", requires=("needed", "odd", "plain")),
        needed(home, "needed", SOCKET),
        needed(home, "odd", HIDDEN),
        needed(home, "plain", "VALUE = 1\n"),
    ]

    found = home.json("install", *wheels)

    assert found["status"] == 0
    beyond = {one["name"]: one for one in found["beyond"]}
    assert set(beyond) == {"needed", "odd"}
    assert any("socket" in line for line in beyond["needed"]["undeclared"])
    assert beyond["needed"]["undeclared"][0].startswith("needed/__init__.py:")
    assert beyond["odd"]["opaque"]
    # It was the plugin's own source alone that was read.
    own = home.wheel("2.0", code=SOCKET)
    assert home.json("install", own)["error"]["code"] == "scan-undeclared-right"


def test_who_is_asked_sees_it_before_the_question(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[str] = []

    def no(question: str) -> bool:
        told.append(question)
        return False

    monkeypatch.setattr("lockgate_marketplace.cli._consent.is_terminal", lambda: True)
    monkeypatch.setattr("lockgate_marketplace.cli._consent.confirm", no)
    many = "import os\n" + "".join(f"os.environ['A{n}']\n" for n in range(9))
    wheels = [
        home.wheel("1.0", requires=("needed", "many"), **HOW),
        needed(home, "needed", PROGRAM),
        needed(home, "many", many),
    ]

    status, out, err = home.run("install", *wheels)

    assert (status, out, told) == (3, "", ["Agree to all of this?"])
    assert "needed 6.6: needed/__init__.py:" in err
    assert "asks for no program" in err
    assert "many 6.6: and 6 more of that kind" in err
    assert home.files() == set()


def test_who_agreed_to_it_is_not_told_it_once_more(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    def yes(question: str) -> bool:
        return bool(question)

    monkeypatch.setattr("lockgate_marketplace.cli._consent.is_terminal", lambda: True)
    monkeypatch.setattr("lockgate_marketplace.cli._consent.confirm", yes)
    wheels = [
        home.wheel("1.0", requires=("needed",), **HOW),
        needed(home, "needed", PROGRAM),
    ]

    status, out, err = home.run("install", *wheels)

    assert (status, "asks for no program" in err) == (0, True)
    assert "Installed" in out
    assert "asks for no program" not in out
    # Whoever was not asked is told afterwards.
    status, out, _ = home.run("install", *wheels, "--grant-all")
    assert (status, "asks for no program" in out) == (0, True)


def test_a_right_that_the_plugin_asks_for_is_none_beyond(home: Home) -> None:
    wheels = [
        home.wheel("1.0", requires=("needed",), **HOW),
        needed(home, "needed", "import os\nos.environ['LANG']\n"),
    ]

    assert home.json("install", *wheels, "--grant-all")["beyond"] == []
