"""Judging: everything before the first byte is kept."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory

from lockgate.contract import check_impls
from lockgate.errors import UsageError
from lockgate.manifest import Manifest
from lockgate_marketplace.errors import ContractError
from lockgate_marketplace.install._fits import manifest_of
from lockgate_marketplace.install._needs import check_needs
from lockgate_marketplace.scan import Verdict, check_verdict, scan
from lockgate_marketplace.store import check_judged
from lockgate_marketplace.wheel import Wheel, unpack

__all__ = ["Accepted", "Plan", "judge"]


@dataclass(frozen=True, slots=True)
class Accepted:
    """What the owner said is fine, though the scan would stop at it."""

    undeclared: bool = False
    opaque: bool = False


@dataclass(frozen=True, slots=True)
class Plan:
    """Wheels that may be installed, the plugin's own first."""

    wheels: tuple[Wheel, ...]
    manifest: Manifest
    verdict: Verdict

    @property
    def plugin(self) -> Wheel:
        """The wheel of the plugin itself."""
        return self.wheels[0]


def judge(
    wheels: Sequence[Wheel],
    accepted: Accepted,
    *,
    provided: Sequence[str] = ("lockgate",),
) -> Plan:
    """Judge one environment: wheels that the gate let in, the plugin's own first.

    Whatever wants to get into the store, from wherever it comes, passes here; what a
    wheel takes of others' names was the gate's to see (`surroundings`).

    Raises:
        MarketplaceError: Of the step that refuses.
        UsageError: If a distribution is given twice.
    """
    _check_names(wheels)
    own = wheels[0]
    manifest = manifest_of(own)
    check_needs(wheels, {name: version(name) for name in provided})
    check_judged(wheels)
    verdict = scan(own, manifest)
    check_verdict(verdict, own, undeclared=accepted.undeclared, opaque=accepted.opaque)
    _check_contract(wheels, manifest)
    return Plan(tuple(wheels), manifest, verdict)


def _check_names(wheels: Sequence[Wheel]) -> None:
    own = [wheel for wheel in wheels if wheel.manifest is not None]
    if len(own) != 1:
        message = (
            f"{len(own)} of the wheels hold a plugin, and an environment has one"
            if own
            else f"{wheels[0].name} is no plugin of lockgate: it holds no manifest"
        )
        where = ", ".join(wheel.filename for wheel in own or wheels)
        raise ContractError("contract-manifest", message, where=where)
    if own[0] is not wheels[0]:
        message = f"the plugin is in {own[0].name}, which only comes along"
        raise ContractError("contract-manifest", message, where=wheels[0].filename)
    names = [wheel.name for wheel in wheels]
    for position, wheel in enumerate(wheels):
        if wheel.name in names[:position]:
            message = f"{wheel.name} is given twice"
            raise UsageError(message, where=wheel.filename)


def _check_contract(wheels: Sequence[Wheel], manifest: Manifest) -> None:
    """Hold the impls against the hook specs, by their source, in a passing folder."""
    with TemporaryDirectory(prefix="lockgate-contract-") as made:
        roots: list[str] = []
        for number, wheel in enumerate(wheels):
            folder = Path(made, str(number))
            unpack(wheel, folder)
            roots.append(str(folder / "site"))
        problems = check_impls(manifest, distribution=wheels[0].name, roots=roots)
        _writable(Path(made))
    if problems:
        first = problems[0]
        raise ContractError(
            "contract-broken",
            "; ".join(problem.message for problem in problems[:5]),
            where=f"{wheels[0].filename}: {Path(first.file).name}:{first.line}",
            problems=[problem.message for problem in problems],
        )


def _writable(folder: Path) -> None:
    """What was unpacked is read-only, and is to go again."""
    for path in [folder, *folder.rglob("*")]:
        if path.is_dir():
            path.chmod(0o700)
