"""`lockgate quarantine`, and the states that list and info show."""

from __future__ import annotations

from lockgate._record.quarantine import Quarantine, QuarantineFolder
from lockgate.discovery import discover
from tests.engine.cli.conftest import Shell


def test_a_quarantine_is_seen_and_cleared(shell: Shell) -> None:
    shell.site.wheel("dying")
    shell.site.wheel("fine")
    state = discover([shell.site.path]).get("dying")
    assert state is not None
    folder = QuarantineFolder(str(shell.home / ".local" / "state" / "lockgate"))
    assert folder.put(Quarantine("dying", "1.0", state.digest, "it died", "then"))
    assert folder.put(Quarantine("fine", "0.9", "other", "it died", "then"))

    listed = {p["name"]: p for p in shell.run("list", "--json").json["plugins"]}
    info = shell.run("info", "dying").out
    held = shell.run("quarantine", "--json").json["quarantine"]
    table = shell.run("quarantine", "list").out
    cleared = shell.run("quarantine", "clear", "dying", "--json").json
    after = shell.run("list", "--json", "--state", "quarantined").json["plugins"]

    assert listed["dying"]["state"] == "quarantined"
    assert listed["dying"]["lifecycle"]["stage"] == "quarantined"
    assert listed["dying"]["lifecycle"]["reason"] == "it died"
    assert listed["fine"]["state"] == "ok"  # another version is a fresh start
    assert listed["fine"]["lifecycle"]["stage"] == "enabled"
    assert listed["dying"]["lifecycle"]["at"] == "then"
    assert "quarantined since then: it died" in info
    assert "lockgate quarantine clear dying" in info
    assert {q["plugin"]: q["holds"] for q in held} == {"dying": True, "fine": False}
    assert "no: replaced" in table
    assert cleared == {"plugin": "dying", "cleared": True, "hosts": []}
    assert after == []


def test_what_can_not_be_cleared_is_said(shell: Shell) -> None:
    shell.site.wheel("fine")

    nobody = shell.run("quarantine", "clear", "nobody")
    unnamed = shell.run("quarantine", "clear")
    healthy = shell.run("quarantine", "clear", "fine")

    assert (nobody.status, unnamed.status, healthy.status) == (2, 2, 0)
    assert "error[unknown-plugin]" in nobody.err
    assert "Name a plugin" in unnamed.err
    assert "was not in quarantine" in healthy.out
    assert "No plugin is in quarantine" in shell.run("quarantine").out
