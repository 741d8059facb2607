"""A plugin on trial: its functions held against the hooks, then loaded once.

Both look at the same unpacked wheels. The load runs the plugin's code for the first
time, in a sealed worker that has no right; what it does there comes to nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

from lockgate.config import Config
from lockgate.contract import check_impls
from lockgate.dry_load import LoadFinding, LoadKind, dry_load
from lockgate.errors import SandboxUnavailableError
from lockgate.manifest import Manifest
from lockgate_marketplace.errors import ContractError
from lockgate_marketplace.install._passing import laid_out
from lockgate_marketplace.levels import Levels
from lockgate_marketplace.wheel import Wheel

__all__ = ["try_out"]

_SHOWN = 5
_CODES: Mapping[LoadKind, str] = MappingProxyType(
    {
        "crash": "contract-load-crash",
        "denied": "contract-load-denied",
        "impl": "contract-load-impl",
        "import": "contract-load-import",
        "limit": "contract-load-limit",
    }
)


def try_out(
    wheels: Sequence[Wheel], manifest: Manifest, levels: Levels, config: Config
) -> tuple[str, ...]:
    """Try the plugin in the first of `wheels`; gives what is to be noted.

    Raises:
        ContractError: ``contract-broken``, or ``contract-load-…``.
    """
    if not levels.made("contract") and not levels.made("load"):
        return ()
    notes: list[str] = []
    with laid_out(wheels) as folders:
        if levels.made("contract"):
            notes += _fits(wheels[0], manifest, folders, stops=levels.stops("contract"))
        if levels.made("load"):
            stops = levels.stops("load")
            notes += _loads(wheels[0], manifest, folders, config, stops=stops)
    return tuple(notes)


def _fits(
    wheel: Wheel, manifest: Manifest, folders: Sequence[str], *, stops: bool
) -> Iterator[str]:
    """Hold the impls against the hook specs, by their source."""
    problems = check_impls(manifest, distribution=wheel.name, roots=folders)
    if problems and stops:
        first = problems[0]
        raise ContractError(
            "contract-broken",
            "; ".join(problem.message for problem in problems[:_SHOWN]),
            where=f"{wheel.filename}: {Path(first.file).name}:{first.line}",
            problems=[problem.message for problem in problems],
        )
    for problem in problems:
        yield f"contract: {Path(problem.file).name}:{problem.line} {problem.message}"


def _loads(
    wheel: Wheel,
    manifest: Manifest,
    folders: Sequence[str],
    config: Config,
    *,
    stops: bool,
) -> Iterator[str]:
    """Load it once. What needs a right that the manifest asks for is only noted."""
    try:
        findings = dry_load(manifest, folders=folders, config=config)
    except SandboxUnavailableError as error:
        if stops:
            raise ContractError(
                "contract-load-unavailable",
                f"it could not be loaded: {error.message}",
                where=wheel.filename,
                hint=error.hint,
                layer=error.layer,
            ) from None
        yield f"load: it could not be loaded here: {error.message}"
        return
    wrong = [finding for finding in findings if not finding.asked]
    if wrong and stops:
        raise _refusal(wheel, wrong)
    for finding in findings:
        yield f"load: {_told(finding)}"


def _refusal(wheel: Wheel, findings: Sequence[LoadFinding]) -> ContractError:
    return ContractError(
        _CODES[findings[0].kind],
        "; ".join(map(_told, findings[:_SHOWN])),
        where=f"{wheel.filename}: {findings[0].where}",
        findings=[
            {
                "kind": one.kind,
                "file": one.file,
                "line": one.line,
                "target": one.target,
                "right": one.right,
                "message": one.message,
            }
            for one in findings
        ],
    )


def _told(finding: LoadFinding) -> str:
    said = f"{finding.where} {finding.message}"
    if not finding.right:
        return said
    if finding.asked:
        return f"{said}; it needs {finding.right}, which it asks for, to be loaded"
    return f"{said}; it needs {_named(finding.right)}, and asks for no such right"


def _named(right: str) -> str:
    """A right in words, where the worker told no more than its kind."""
    kind, _, value = right.partition(":")
    if kind == "path":
        return f"the path {value}"
    return {
        "net": "a network",
        "program": "to start a program",
        "call": "a system call that no plugin has",
    }.get(right, right)
