"""A bench for brokered workers: a policy in, code to run, records out."""

from __future__ import annotations

import ssl
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx
import pytest

from lockgate_sandbox import Policy, Worker
from lockgate_sandbox.broker import AuditRecord, Broker
from tests.support.sandbox import Lab, run, wait_until
from tests.support.servers import authority

PACKAGES = str(Path(httpx.__file__).parents[1])
"""Where the plugin's own clients come from."""


def trust() -> ssl.SSLContext:
    """Believe the certificates of the tests and no others."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    authority().configure_trust(context)  # pyright: ignore[reportUnknownMemberType]
    return context


def always(*addresses: str) -> Callable[[str], list[str]]:
    """A resolver for which every name has these addresses."""

    def resolve(_: str) -> list[str]:
        return list(addresses)

    return resolve


class Bench:
    """One broker, its worker and its records."""

    def __init__(self, lab: Lab, policy: Policy, **options: Any) -> None:
        self.records: list[AuditRecord] = []
        options.setdefault("trust", trust())
        self.broker = Broker(policy, audit=self.records.append, **options)
        self.worker: Worker = lab.sandbox.worker(
            policy,
            target="lab_target:build",
            path=[str(lab.folder), PACKAGES],
            broker=self.broker,
        )

    def run(self, code: str, **values: Any) -> Any:
        """Run `code` in the worker and give its `result`."""
        return run(self.worker, code, **values)

    def denials(self) -> list[AuditRecord]:
        """What was refused so far."""
        return [record for record in self.records if record.decision == "deny"]

    def ended(self, count: int = 1) -> list[AuditRecord]:
        """The `count` records of what ended; each comes after its worker was told."""

        def found() -> list[AuditRecord]:
            return [record for record in self.records if record.decision == "end"]

        assert wait_until(lambda: len(found()) >= count, 30), self.records
        return found()

    def close(self) -> None:
        """Worker first."""
        self.worker.close()
        self.broker.close()


MakeBench = Callable[..., Bench]


@pytest.fixture
def bench(lab: Lab) -> Iterator[MakeBench]:
    """Gives benches for the grants of a test."""
    with ExitStack() as stack:

        def make(*hosts: str, tier: str = "elevated", **options: Any) -> Bench:
            rights: dict[str, Any] = {
                name: options.pop(name)
                for name in ("files", "devices", "secrets_known", "tools", "total")
                if name in options
            }
            if "secrets_known" in rights:
                rights["secrets"] = rights.pop("secrets_known")
            policy = Policy.for_tier(tier, hosts=hosts, **rights)
            made = Bench(lab, policy, **options)
            stack.callback(made.close)
            return made

        yield make


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A folder to grant, with a secret beside it. Only our own uid gets there."""
    tmp_path.chmod(0o700)
    granted = tmp_path / "granted"
    (granted / "sub").mkdir(parents=True)
    (granted / "sub" / "a.txt").write_text("inside")
    (tmp_path / "secret").write_text("outside")
    return granted
