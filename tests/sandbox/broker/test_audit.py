"""The record: whole lines, bounded, private, without secrets, or nothing is done."""

from __future__ import annotations

import json
import os
import stat
import threading
from pathlib import Path
from typing import Any

import pytest

from lockgate_sandbox import Policy, PolicyError
from lockgate_sandbox.broker import AuditLog, AuditRecord, Broker


def test_a_file_of_whole_lines_for_the_owner_only(tmp_path: Path) -> None:
    path = tmp_path / "audit.jsonl"
    log = AuditLog(path=path)
    log.write("w", "net", "a\nb\x1b[31m☃", "deny", reason="r", grant="g")
    log.write("w", "net", "c", "allow", bytes=3)
    log.close()

    first, second = path.read_text().splitlines()
    assert json.loads(first)["resource"] == "a\nb\x1b[31m☃"
    assert first.isascii()
    assert "\x1b" not in first
    assert json.loads(second)["bytes"] == 3
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_log_is_bounded_and_keeps_one_generation(tmp_path: Path) -> None:
    path = tmp_path / "audit.jsonl"
    log = AuditLog(path=path, limit_bytes=10_000)
    for number in range(500):
        log.write("w", "net", f"host-{number}", "deny", reason="x" * 5_000)
    log.close()

    files = sorted(tmp_path.iterdir())
    assert [file.name for file in files] == ["audit.jsonl", "audit.jsonl.1"]
    assert all(file.stat().st_size <= 10_000 for file in files)
    lines = [json.loads(x) for file in files for x in file.read_text().splitlines()]
    assert max(line["resource"] for line in lines) == "host-499"
    assert all(len(line["reason"]) == 1_024 for line in lines)


def test_threads_never_mix_their_lines(tmp_path: Path) -> None:
    path = tmp_path / "audit.jsonl"
    log = AuditLog(path=path, limit_bytes=1 << 16)

    def write(name: str) -> None:
        for _ in range(200):
            log.write("w", "net", name * 50, "allow")

    threads = [threading.Thread(target=write, args=(name,)) for name in "abcd"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    log.close()
    for file in tmp_path.iterdir():
        for line in file.read_text().splitlines():
            assert len(set(json.loads(line)["resource"])) == 1


def test_secrets_are_taken_out_of_every_text() -> None:
    records: list[AuditRecord] = []
    log = AuditLog(records.append)
    log.redact(["hunter2hunter2", "hunter2", "ab"])
    log.write("w", "net", "/x?hunter2hunter2", "deny", reason="hunter2 ab", grant="g")

    assert records[0].resource == "/x?(redacted)"
    assert records[0].reason == "(redacted) ab"


@pytest.mark.parametrize("cut", [16, 32, 40, 80, 200, 256, 1_024])
def test_no_half_of_a_secret_survives_a_cut(cut: int) -> None:
    """Every service that refuses a text of the worker's, the secret across `cut`."""
    secret = "s3cr3t-" * 4
    text = "a" * (cut - 10) + secret
    records: list[AuditRecord] = []
    plain = Policy.for_tier("elevated", secrets=["KEY"])
    hosts = Policy.for_tier("elevated", secrets=["KEY"], hosts=["https://a.test/v1/"])
    web = {"method": "GET", "scheme": "https", "host": "a.test", "port": 443}
    web |= {"target": "/", "headers": [], "length": 0}
    asked: list[tuple[Policy, str, dict[str, Any]]] = [
        (hosts, "broker.http.open", {**web, "method": text}),
        (hosts, "broker.http.open", {**web, "scheme": text}),
        (hosts, "broker.http.open", {**web, "host": text + " "}),
        (hosts, "broker.http.open", {**web, "target": text}),
        (hosts, "broker.http.open", {**web, "target": f"/{text}//"}),
        (hosts, "broker.http.open", {**web, "headers": [[text + " ", "v"]]}),
        (plain, "broker.http.open", {**web, "host": text}),
        (plain, "broker.net.open", {"host": text + " ", "port": 1}),
        (plain, "broker.file.open", {"path": text, "mode": "r"}),
        (plain, "broker.device.open", {"name": text}),
        (plain, "broker.secret", {"name": text}),
    ]
    for policy, name, arguments in asked:
        with Broker(policy, secrets={"KEY": secret}, audit=records.append) as broker:
            broker.callbacks()["broker.secret"]({"name": "KEY"})
            before = len(records)
            with pytest.raises((PermissionError, ValueError)):
                broker.callbacks()[name](arguments)
            assert len(records) > before, name
    for record in records:
        for part in (record.resource, record.reason, record.grant):
            assert "s3cr" not in part
            assert len(part) <= 1_024


@pytest.mark.parametrize("kind", ["link", "fifo", "folder", "missing"])
def test_only_a_regular_file_is_written(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "audit"
    if kind == "link":
        (tmp_path / "other").touch()
        path.symlink_to("other")
    elif kind == "fifo":
        os.mkfifo(path)
    elif kind == "folder":
        path.mkdir()
    else:
        path = tmp_path / "none" / "audit"
    with pytest.raises(PolicyError) as caught:
        AuditLog(path=path)
    assert caught.value.hint


def test_what_can_not_be_recorded_raises(tmp_path: Path) -> None:
    log = AuditLog(path=tmp_path / "audit")
    log.close()
    full = AuditLog(path=tmp_path / "audit")
    os.dup2(os.open("/dev/full", os.O_WRONLY), full._fd)  # pyright: ignore[reportPrivateUsage]
    with pytest.raises(OSError, match="No space left"):
        full.write("w", "net", "x", "allow")
    full.close()
