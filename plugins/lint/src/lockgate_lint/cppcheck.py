"""C++ through cppcheck, told what an Arduino is.

One line of output per finding, tab-separated; a path of a tree holds no tab.
"""

from __future__ import annotations

from collections.abc import Sequence

from lockgate.values import File, Finding, Position, Range, Severity, Tree
from lockgate_lint.rules import RULES
from lockgate_lint.tools import Programs, finding

__all__ = ["check_cpp", "parse_cppcheck"]

_TOOL_SECONDS = 60.0
_OUTPUT_LIMIT_FINDINGS = 2_000
_FIELDS = ("{file}", "{line}", "{column}", "{severity}", "{id}", "{message}")

_SUPPRESSED = (
    # Arduino.h and the core are not there: the compiler's business.
    "missingInclude",
    "missingIncludeSystem",
    # setup() and loop() are called by the core.
    "unusedFunction",
    "unmatchedSuppression",
    # Matters of taste that say nothing about what the code does.
    "cstyleCast",
    "noExplicitConstructor",
    "useInitializationList",
    "functionStatic",
    "functionConst",
    "useStlAlgorithm",
)

_LEVELS: dict[str, Severity] = {
    "error": "error",
    "warning": "warning",
    "portability": "warning",
    "performance": "warning",
    "style": "note",
    "information": "note",
}


def parse_cppcheck(output: str, paths: frozenset[str]) -> list[Finding]:
    """Findings out of cppcheck's lines; others are left out.

    A rule that the table does not know keeps cppcheck's name and severity.
    """
    found: dict[Finding, None] = {}
    for line in output.splitlines()[:_OUTPUT_LIMIT_FINDINGS]:
        fields = line.split("\t", len(_FIELDS) - 1)
        if len(fields) != len(_FIELDS):
            continue
        name, row, column, severity, rule, message = fields
        path = name.removeprefix("./")
        if path not in paths or severity not in _LEVELS or not rule.isidentifier():
            continue
        # 0 is cppcheck's "nowhere in particular".
        start = Position(
            max(1, int(row) if row.isdecimal() and len(row) < 10 else 1),
            max(1, int(column) if column.isdecimal() and len(column) < 10 else 1),
        )
        known = RULES.get(rule)
        made = Finding(
            path,
            rule,
            _LEVELS[severity],
            message,
            Range(start, Position(start.line, start.column + 1)),
            "cppcheck",
            known.hint if known else "",
        )
        found[made] = None
    return list(found)


def check_cpp(
    files: Sequence[File], programs: Programs, *, platform: str
) -> list[Finding]:
    """Check C and C++ files with one start of cppcheck.

    `platform` is cppcheck's name for the sizes of the types: ``avr8`` makes an
    ``int`` 16 bits wide.

    Raises:
        PermissionError: If cppcheck is not granted.
        FileNotFoundError: If cppcheck is not installed.
        TimeoutError: If cppcheck took too long.
    """
    run = programs.run_program(
        "cppcheck",
        [
            "--quiet",
            "--enable=warning,style,performance,portability",
            "--language=c++",
            "--std=c++11",
            f"--platform={platform}",
            "--library=avr",
            *(f"--suppress={rule}" for rule in _SUPPRESSED),
            f"--template={chr(9).join(_FIELDS)}",
            # A path of a tree may start with a dash; "./" makes it a path again.
            *(f"./{file.path}" for file in files),
        ],
        tree=Tree(tuple(files)),
        timeout=_TOOL_SECONDS,
    )
    output = run.stderr.decode("utf-8", "replace")
    if run.status != 0:
        words = (run.stdout.decode("utf-8", "replace") + output).strip()[-500:]
        message = f"cppcheck ended with status {run.status}: {words}"
        return [finding("tool-failed", files[0].path, message, tool="cppcheck")]
    return parse_cppcheck(output, frozenset(file.path for file in files))
