"""Runs firmware on a board that is not there, and holds it to its contract."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import resources
from importlib.resources.abc import Traversable
from typing import Any, Protocol

from lockgate.values import Document, Note, PythonRun, Reason, Simulation, Tree
from lockgate_devices.contract import check_contract
from lockgate_devices.outcome import to_simulation

__all__ = [
    "BENCH",
    "ContractError",
    "PythonBroker",
    "bench_tree",
    "checked",
    "simulate_virtual",
    "source_of",
]

BENCH = "lockgate_devices.runtime"
"""The package that runs in the worker, under its own name."""

CPU_SECONDS = 10.0
WALL_SECONDS = 60.0
"""By the clock a run may take longer: the machine may be busy."""


class PythonBroker(Protocol):
    """Who runs Python code in a sealed worker: `lockgate.plugin.Context`."""

    def run_python(
        self,
        tree: Tree,
        entry: str,
        arguments: Document | None = None,
        *,
        cpu_seconds: float = 10.0,
        wall_seconds: float = 20.0,
        memory_bytes: int = 256 * 1024 * 1024,
    ) -> PythonRun:
        """Run `entry` of `tree`; an end by a limit is a value."""
        ...


class ContractError(Exception):
    """The contract cannot be executed; `reasons` say why."""

    def __init__(self, reasons: tuple[Reason, ...]) -> None:
        super().__init__("; ".join(f"{r.where}: {r.message}" for r in reasons))
        self.reasons = reasons


def checked(contract: Document) -> Mapping[str, Any]:
    """Return `contract` if it can be executed.

    Raises:
        ContractError: If it cannot, with every reason found.
    """
    reasons = check_contract(contract)
    if reasons:
        raise ContractError(reasons)
    return contract


def bench_tree() -> Tree:
    """The files of `lockgate_devices.runtime`, as the worker imports them."""
    files: dict[str, bytes] = {}

    def collect(folder: Traversable, path: str) -> None:
        for entry in folder.iterdir():
            if entry.is_dir() and entry.name != "__pycache__":
                collect(entry, f"{path}/{entry.name}")
            elif entry.name.endswith(".py"):
                files[f"{path}/{entry.name}"] = entry.read_bytes()

    collect(resources.files(BENCH), BENCH.replace(".", "/"))
    files["lockgate_devices/__init__.py"] = b""
    return Tree.of(files)


def source_of(
    tree: Tree, contract: Mapping[str, Any], target: str
) -> tuple[str, str] | None:
    """Path and text of an artifact, or None if the contract names none.

    Raises:
        ContractError: If the contract names a file that the tree lacks.
    """
    path = contract["artifacts"].get(target)
    if path is None:
        return None
    if path not in tree:
        reason = Reason(
            "artifact-missing",
            f"artifacts.{target}",
            f"the tree has no file {path!r}",
            "hand over the tree that was generated with the contract",
        )
        raise ContractError((reason,))
    return path, tree[path].text


def simulate_virtual(
    tree: Tree,
    contract: Document,
    broker: PythonBroker,
    *,
    cpu_seconds: float = CPU_SECONDS,
) -> Simulation | None:
    """Run the MicroPython firmware of `tree` on the virtual board.

    Returns:
        None if the contract names no MicroPython firmware.

    Raises:
        ContractError: If the contract cannot be executed.
    """
    known = checked(contract)
    firmware = source_of(tree, known, "micropython")
    if firmware is None:
        return None
    sdk_path, sdk = source_of(tree, known, "sdk") or ("", "")
    run = broker.run_python(
        bench_tree(),
        f"{BENCH}.entry:run_virtual",
        {
            "firmware": firmware[1],
            "path": firmware[0],
            "sdk": sdk,
            "sdk_path": sdk_path,
            "contract": known,
            "cpu_seconds": cpu_seconds,
        },
        cpu_seconds=cpu_seconds,
        wall_seconds=WALL_SECONDS,
    )
    return to_simulation("virtual", run, notes=_twin_notes(known))


def _twin_notes(contract: Mapping[str, Any]) -> tuple[Note, ...]:
    if contract.get("platform") != "arduino":
        return ()
    name = contract["board"].get("name", "this board")
    text = f"{name} runs no MicroPython: here it is a twin that is simulated only"
    return (Note("info", "virtual", text),)
