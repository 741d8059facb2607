"""``lockgate-sandbox run --report``: posture, usage and denials."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from lockgate_sandbox.cli._report import Place
from tests.sandbox.cli.running import run

pytestmark = pytest.mark.kernel


def test_report_has_posture_usage_and_denials(folder: Path) -> None:
    (folder / "other").write_text("secret")
    code = f"""
        import os, socket, subprocess
        for attempt in (
            lambda: open({str(folder / "other")!r}),
            lambda: open({str(folder / "new")!r}, "w"),
            lambda: socket.create_connection(("192.0.2.1", 80)),
            lambda: subprocess.run(["/bin/true"]),
            lambda: os.fork(),
        ):
            try:
                attempt()
            except OSError:
                pass
    """
    done = run(folder, code, "--report", "report.json")
    assert done.returncode == 0, done.stderr
    report = json.loads((folder / "report.json").read_text())
    assert (report["status"], report["error"]) == (0, None)
    assert report["usage"]["peak_memory_bytes"] > 0
    assert report["policy"]["tier"] == "read-only"
    assert "landlock" in {layer["name"] for layer in report["posture"]["layers"]}
    rights = {(item["right"], item["what"]) for item in report["denials"]}
    assert ("read", str(folder / "other")) in rights
    assert ("write", str(folder / "new")) in rights
    assert {"net", "program", "process"} <= {right for right, _ in rights}
    grants = {item["grant"] for item in report["denials"]}
    assert f"--allow-read {folder / 'other'}" in grants


def test_report_tells_of_a_refusal_and_of_a_limit(folder: Path) -> None:
    assert run(folder, "", "--allow-net=a..b", "--report=r.json").returncode == 125
    report = json.loads((folder / "r.json").read_text())
    assert report["error"]["code"] == "policy-invalid"
    assert report["posture"] is None
    code = "import time; time.sleep(60)"
    assert run(folder, code, "--wall=0.3", "--report=r.json").returncode == 124
    report = json.loads((folder / "r.json").read_text())
    assert report["error"]["code"] == "wall-limit"


@pytest.mark.parametrize("looked_up", [True, False], ids=["before", "after"])
def test_a_report_goes_where_its_name_led_before_the_file_ran(
    folder: Path, looked_up: bool
) -> None:
    """The file may write there: it makes the report's folder a link to another one."""
    for name in ("out/logs", "elsewhere"):
        (folder / name).mkdir(parents=True)
    code = """
        import os
        os.rename("out/logs", "out/moved")
        os.symlink("../elsewhere", "out/logs")
    """
    if looked_up:
        done = run(folder, code, "--allow-write=out", "--report=out/logs/r.json")
        assert done.returncode == 0, done.stderr
    else:
        assert run(folder, code, "--allow-write=out").returncode == 0
        Place(str(folder / "out/logs/r.json")).write(b"{}")
    assert (folder / "elsewhere" / "r.json").exists() != looked_up
    assert (folder / "out" / "moved" / "r.json").exists() == looked_up


def test_a_report_into_no_folder_is_told_of(folder: Path) -> None:
    code = "import os; os.mkdir('out/logs')"
    (folder / "out").mkdir()
    done = run(folder, code, "--allow-write=out", "--report=out/logs/r.json")
    assert done.returncode == 125
    assert "out/logs/r.json can't be written: No such file" in done.stderr


def test_a_report_that_can_not_be_written_lets_nothing_run(folder: Path) -> None:
    (folder / "out").mkdir()
    for place in ("nodir/r.json", "out"):
        done = run(folder, "print('ran')", f"--report={place}")
        assert (done.returncode, done.stdout) == (125, ""), done.stderr
        assert f"the report {place} can't be written" in done.stderr
        assert "[policy-invalid]\n  hint: " in done.stderr


@pytest.mark.parametrize("grants", [(), ("--allow-net=a.test",)], ids=["none", "net"])
def test_a_record_that_can_not_be_kept_lets_nothing_run(
    folder: Path, grants: tuple[str, ...]
) -> None:
    lost = run(folder, "print('ran')", *grants, "--audit=nodir/a.jsonl")
    kept = run(folder, "print('ran')", *grants, "--audit=a.jsonl")

    assert (lost.returncode, lost.stdout) == (125, "")
    assert "nodir/a.jsonl can't be opened" in lost.stderr
    assert (kept.returncode, kept.stdout) == (0, "ran\n"), kept.stderr
    assert (folder / "a.jsonl").read_text() == ""
