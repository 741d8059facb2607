"""The rules of cppcheck that firmware runs into; severities are cppcheck's own.

cppcheck's ``warning``, ``portability`` and ``performance`` are a **warning** here,
its ``style`` a **note**.
"""

from __future__ import annotations

from lockgate.values import Severity
from lockgate_lint.rules._rule import Rule

__all__ = ["CPPCHECK_RULES"]

_ROWS: tuple[tuple[str, Severity, str, str], ...] = (
    ("syntaxError", "error", "The file does not parse", "mend the syntax"),
    ("arrayIndexOutOfBounds", "error", "An index past the end", "check the index"),
    ("negativeIndex", "error", "A negative index", "check the index"),
    ("bufferAccessOutOfBounds", "error", "A write past the buffer", "pass its size"),
    ("nullPointer", "error", "A null pointer is followed", "test the pointer first"),
    ("nullPointerRedundantCheck", "warning", "Followed, then tested", "test first"),
    ("uninitvar", "error", "A variable is read before it is set", "give it a value"),
    (
        "uninitMemberVar",
        "warning",
        "A member is never set",
        "set it in the constructor",
    ),
    ("zerodiv", "error", "A division by zero", "test the divisor"),
    (
        "shiftTooManyBits",
        "error",
        "A shift by more than the type has",
        "widen the type",
    ),
    (
        "shiftTooManyBitsSigned",
        "error",
        "A shift into the sign bit (an AVR `int` has 16 bits)",
        "shift an unsigned long: `1UL << n`",
    ),
    ("integerOverflow", "error", "A signed overflow (AVR: 16 bits)", "use `UL`"),
    ("memleak", "error", "Memory is never freed", "free it, or make it static"),
    ("doubleFree", "error", "Memory is freed twice", "free it once"),
    ("deallocuse", "error", "Memory is used after it was freed", "use it before"),
    (
        "autoVariables",
        "error",
        "A local's address leaves the function",
        "make it static",
    ),
    ("returnDanglingLifetime", "error", "A local is returned by address", "copy it"),
    ("danglingLifetime", "error", "A pointer outlives what it points to", "copy it"),
    ("stringLiteralWrite", "error", "A string literal is written to", "use an array"),
    ("strPlusChar", "error", "A char is added to a string literal", "index or append"),
    (
        "unknownEvaluationOrder",
        "error",
        "The order of the side effects is open",
        "use two statements",
    ),
    ("missingReturn", "error", "A function ends without its value", "return a value"),
    ("comparePointers", "error", "Pointers to two objects are compared", "use indexes"),
    ("wrongPrintfScanfArgNum", "error", "Too few or too many arguments", "match them"),
    (
        "invalidPrintfArgType_sint",
        "warning",
        "A format wants another type",
        "match the format",
    ),
    ("sizeofwithsilentarraypointer", "warning", "The size of a pointer", "pass a size"),
    ("literalWithCharPtrCompare", "warning", "Pointers are compared", "use strcmp"),
    ("compareBoolExpressionWithInt", "warning", "A bool against 2 or more", "mend it"),
    ("incorrectStringBooleanError", "warning", "A literal as a test", "compare it"),
    ("selfAssignment", "note", "A variable is assigned to itself", "remove it"),
    ("duplicateExpression", "note", "Both sides are the same", "mend one of them"),
    ("duplicateBreak", "note", "Code after a jump never runs", "remove it"),
    ("unreachableCode", "note", "Code that never runs", "remove it"),
    ("knownConditionTrueFalse", "note", "A test with one outcome", "remove the test"),
    (
        "unsignedLessThanZero",
        "note",
        "Unsigned is never below zero",
        "use a signed type",
    ),
    (
        "redundantAssignment",
        "note",
        "Overwritten before it was read",
        "remove the first",
    ),
    ("unreadVariable", "note", "A value that is never read", "remove it"),
    ("unusedVariable", "note", "A variable that is never used", "remove it"),
    ("shadowVariable", "note", "A local hides another", "rename it"),
    (
        "variableScope",
        "note",
        "The scope can be smaller",
        "declare it where it is used",
    ),
    ("constVariablePointer", "note", "It could be a pointer to const", "add `const`"),
    ("badBitmaskCheck", "warning", "A bit mask that is always true", "use `&`"),
)

CPPCHECK_RULES = tuple(
    Rule(code, "cppcheck", severity, title, hint)
    for code, severity, title, hint in _ROWS
)
