"""The rules of ruff that are run, titled by ruff's own names.

An **error** is what fails when the line runs; the rest is a **warning**. Style is
the formatter's business, and what only matters to a type checker is left out.
"""

from __future__ import annotations

from lockgate.values import Severity
from lockgate_lint.rules._rule import Rule

__all__ = ["RUFF_RULES"]

_ROWS: tuple[tuple[str, Severity, str, str], ...] = (
    ("invalid-syntax", "error", "The file does not parse", "mend the syntax"),
    ("E711", "warning", "none-comparison", "compare with `is None`"),
    ("E712", "warning", "true-false-comparison", "test the value itself"),
    ("E721", "warning", "type-comparison", "use `isinstance`, or `is` for types"),
    ("E722", "warning", "bare-except", "name the exception; `Exception` at the widest"),
    ("F401", "warning", "unused-import", "remove the import"),
    ("F402", "warning", "import-shadowed-by-loop-var", "rename the loop variable"),
    ("F403", "warning", "undefined-local-with-import-star", "import by name"),
    ("F404", "error", "late-future-import", "move the import to the top"),
    ("F405", "warning", "undefined-local-with-import-star-usage", "import by name"),
    ("F507", "error", "percent-format-positional-count-mismatch", "match the values"),
    ("F509", "error", "percent-format-unsupported-format-character", "use a known one"),
    ("F521", "error", "string-dot-format-invalid-format", "mend the format string"),
    ("F524", "error", "string-dot-format-missing-arguments", "give the arguments"),
    ("F541", "warning", "f-string-missing-placeholders", "drop the `f`"),
    ("F601", "warning", "multi-value-repeated-key-literal", "keep one of the keys"),
    ("F631", "error", "assert-tuple", "drop the parentheses: it is always true"),
    ("F632", "warning", "is-literal", "compare with `==`"),
    ("F634", "error", "if-tuple", "drop the comma: the test is always true"),
    ("F704", "error", "yield-outside-function", "move it into a function"),
    ("F706", "error", "return-outside-function", "move it into a function"),
    ("F811", "warning", "redefined-while-unused", "rename or remove one of the two"),
    ("F821", "error", "undefined-name", "define or import the name; mind the spelling"),
    ("F822", "error", "undefined-export", "define the name or drop it from `__all__`"),
    ("F823", "error", "undefined-local", "assign before use, or declare it `global`"),
    ("F841", "warning", "unused-variable", "remove it, or use it"),
    ("F901", "error", "raise-not-implemented", "raise `NotImplementedError`"),
    ("B002", "error", "unary-prefix-increment-decrement", "write `x += 1`"),
    ("B006", "warning", "mutable-argument-default", "default to None"),
    ("B012", "warning", "jump-statement-in-finally", "leave after the `finally`"),
    ("B015", "warning", "useless-comparison", "use the result, or assign with `=`"),
    ("B016", "error", "raise-literal", "raise an exception"),
    ("B018", "warning", "useless-expression", "call it, assign it, or remove it"),
    ("B020", "warning", "loop-variable-overrides-iterator", "rename the variable"),
    ("B023", "warning", "function-uses-loop-variable", "bind it as a default argument"),
    ("B025", "warning", "duplicate-try-block-exception", "merge the two handlers"),
    ("B035", "warning", "static-key-dict-comprehension", "use the loop variable"),
    ("PLE0101", "error", "return-in-init", "return nothing from `__init__`"),
    ("PLE0117", "error", "nonlocal-without-binding", "bind it in the outer function"),
    ("PLE0118", "error", "load-before-global-declaration", "move `global` to the top"),
    ("PLE0604", "error", "invalid-all-object", "list strings in `__all__`"),
    ("PLE1142", "error", "await-outside-async", "make the function async"),
    ("PLE1307", "error", "bad-string-format-type", "convert the value first"),
    (
        "PLE1310",
        "warning",
        "bad-str-strip-call",
        "use `removeprefix` or `removesuffix`",
    ),
    ("PLE2502", "error", "bidirectional-unicode", "remove it: it hides what code does"),
    ("PLE2515", "error", "invalid-character-zero-width-space", "write it as an escape"),
    ("S102", "warning", "exec-builtin", "do without `exec`"),
    ("S307", "warning", "suspicious-eval-usage", "parse the value instead"),
    ("S602", "warning", "subprocess-popen-with-shell-equals-true", "pass a list"),
    (
        "S605",
        "warning",
        "start-process-with-a-shell",
        "use `subprocess.run` and a list",
    ),
    (
        "W605",
        "warning",
        "invalid-escape-sequence",
        "double the backslash, or use `r''`",
    ),
)

RUFF_RULES = tuple(
    Rule(code, "ruff", severity, title, hint) for code, severity, title, hint in _ROWS
)
