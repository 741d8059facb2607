"""A tree and its contract in, findings out: which file goes to which check."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

from lockgate.values import AnalysisReport, Data, File, Finding, Tree
from lockgate_lint.code_pins import CodeProblem, check_code
from lockgate_lint.contract import Contract, read_contract
from lockgate_lint.cpp_uses import cpp_uses
from lockgate_lint.cppcheck import check_cpp
from lockgate_lint.mpycross import compile_micropython
from lockgate_lint.pins import Problem, check_board
from lockgate_lint.python_uses import python_uses
from lockgate_lint.ruff import check_python
from lockgate_lint.tools import Programs, finding, guarded, readable
from lockgate_lint.uses import PinUse

__all__ = ["analyze_tree"]

_PYTHON = frozenset({".py", ".pyi"})
_CPP = frozenset({".ino", ".c", ".cc", ".cpp", ".h", ".hpp"})
_CONTRACT = "contract.json"


@dataclass(frozen=True, slots=True)
class _Sources:
    """The files of a tree by what checks them."""

    micropython: list[File]
    python: list[File]
    cpp: list[File]


def _sorted_out(files: Iterable[File], contract: Contract) -> _Sources:
    made = _Sources([], [], [])
    firmware = (contract.artifacts or {}).get("micropython")
    for file in files:
        suffix = PurePosixPath(file.path).suffix
        if suffix in _CPP:
            made.cpp.append(file)
        elif suffix in _PYTHON:
            own = file.path == firmware or file.path.startswith("micropython/")
            (made.micropython if own else made.python).append(file)
    return made


def _platform(contract: Contract, files: Sequence[File]) -> str:
    """Cppcheck's name for the type sizes: an ``.ino`` without a contract is AVR."""
    family = contract.facts.family
    if family == "avr":
        return "avr8"
    ino = any(file.path.endswith(".ino") for file in files)
    return "avr8" if family == "unknown" and ino else "unix32"


def _compiled(
    files: Sequence[File], contract: Contract, programs: Programs
) -> tuple[list[File], list[Finding]]:
    made: list[File] = []

    def run() -> list[Finding]:
        found: list[Finding] = []
        for file in files:
            if file.path.endswith(".pyi"):
                continue
            binary, problem = compile_micropython(file, contract.facts.march, programs)
            made.extend([binary] if binary else [])
            found.extend([problem] if problem else [])
        return found

    return made, guarded("mpy-cross", files, run)


def _contract_line(tree: Tree, peripheral: str) -> tuple[str, tuple[int, int] | None]:
    """Where the contract speaks of `peripheral`, if the tree holds the contract."""
    if _CONTRACT in tree:
        for number, line in enumerate(tree[_CONTRACT].text.split("\n"), 1):
            column = line.find(f'"id": "{peripheral}"')
            if peripheral and column >= 0:
                return _CONTRACT, (number, column + 1)
    return _CONTRACT, None


def _pin_findings(
    tree: Tree, contract: Contract, uses: Mapping[str, list[PinUse]]
) -> list[Finding]:
    """The pin check: board problems once, code problems per file."""
    problems: list[CodeProblem | Problem] = list(check_board(contract))
    first: dict[str, PinUse] = {}
    for path, of_file in uses.items():
        arduino = PurePosixPath(path).suffix in _CPP
        problems.extend(check_code(contract, of_file, needs_mode=arduino))
        for each in of_file:
            if each.pin:
                first.setdefault(contract.canonical(each.pin), each)
    found: list[Finding] = []
    for problem in problems:
        use = first.get(problem.pin) if isinstance(problem, Problem) else problem.use
        if use is not None:
            place: tuple[int, int] | None = (use.line, use.column)
            path = use.path
        else:
            identity = problem.id if isinstance(problem, Problem) else ""
            path, place = _contract_line(tree, identity)
        found.append(finding(problem.rule, path, problem.message, place))
    return found


def _firmware_uses(
    files: Mapping[str, File], contract: Contract
) -> dict[str, list[PinUse]]:
    """The pin uses of the firmware that the contract is about."""
    found: dict[str, list[PinUse]] = {}
    for target, path in (contract.artifacts or {}).items():
        if path not in files or target not in ("micropython", "arduino"):
            continue
        scan = cpp_uses if PurePosixPath(path).suffix in _CPP else python_uses
        found[path] = scan(path, files[path].text)
    return found


def analyze_tree(
    tree: Tree, document: Mapping[str, Data], programs: Programs
) -> AnalysisReport | None:
    """Findings about `tree`, in order of place; None if there is nothing to check.

    `document` is the generation's contract, or empty: then pins are not checked.
    A tool that cannot run is a finding.
    """
    contract = read_contract(document)
    known = [file for file in tree if PurePosixPath(file.path).suffix in _PYTHON | _CPP]
    if not known and not contract.known:
        return None
    texts, findings = readable(known)
    sources = _sorted_out(texts, contract)
    findings += guarded(
        "ruff",
        sources.micropython,
        lambda: check_python(sources.micropython, programs, micropython=True),
    )
    findings += guarded(
        "ruff",
        sources.python,
        lambda: check_python(sources.python, programs, micropython=False),
    )
    platform = _platform(contract, sources.cpp)
    findings += guarded(
        "cppcheck",
        sources.cpp,
        lambda: check_cpp(sources.cpp, programs, platform=platform),
    )
    made, refused = _compiled(sources.micropython, contract, programs)
    findings += refused
    if contract.known:
        by_path = {file.path: file for file in texts}
        findings += _pin_findings(tree, contract, _firmware_uses(by_path, contract))
    return AnalysisReport(tuple(sorted(findings, key=_place)), Tree(tuple(made)))


def _place(found: Finding) -> tuple[str, int, int, str]:
    start = found.range.start if found.range else None
    line, column = (start.line, start.column) if start else (0, 0)
    return found.path, line, column, found.rule
