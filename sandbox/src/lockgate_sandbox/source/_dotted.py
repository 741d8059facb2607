"""Dotted names: what an import binds, under the names that rules know."""

from __future__ import annotations

import ast

__all__ = [
    "GETTERS",
    "IMPORTERS",
    "LINKS",
    "MAKERS",
    "SAME_NAME",
    "canonical",
    "imported",
]

LINKS = 64
"""A chain of more attributes is not followed."""

# The same object under the name that rules know.
_SAME_MODULE = {
    "posix": "os",
    "nt": "os",
    "_io": "io",
    "_pickle": "pickle",
    "_socket": "socket",
    "_thread": "threading",
    "_ctypes": "ctypes",
    "__builtin__": "builtins",
    "__builtins__": "builtins",
}
SAME_NAME = {
    "io.open": "builtins.open",
    "_pyio.open": "builtins.open",
    "importlib.__import__": "builtins.__import__",
    "importlib._bootstrap._gcd_import": "importlib.import_module",
    "importlib._bootstrap.import_module": "importlib.import_module",
}
GETTERS = {
    "builtins.getattr": 0,
    "inspect.getattr_static": 0,
    "builtins.object.__getattribute__": 0,
    "builtins.type.__getattribute__": 0,
}
IMPORTERS = frozenset({"builtins.__import__", "importlib.import_module"})
MAKERS = frozenset(
    {*GETTERS, *IMPORTERS, "builtins.vars", "builtins.globals", "builtins.locals"}
    | {"functools.partial"}
)
"""Functions whose answer may be something a rule is about."""


def canonical(dotted: str) -> str:
    """`dotted` under the name that rules know."""
    head, dot, rest = dotted.partition(".")
    head = _SAME_MODULE.get(head, head)
    whole = head + dot + rest
    return SAME_NAME.get(whole, whole)


def imported(node: ast.Import | ast.ImportFrom) -> list[tuple[str, str]]:
    """The names that an import binds, each with what it stands for."""
    if isinstance(node, ast.ImportFrom):
        module = "." * node.level + (node.module or "")
        joint = "" if module.endswith(".") else "."
        return [
            ("*", module)
            if alias.name == "*"
            else (alias.asname or alias.name, canonical(module + joint + alias.name))
            for alias in node.names
        ]
    return [
        (alias.asname, canonical(alias.name))
        if alias.asname
        else (alias.name.partition(".")[0], canonical(alias.name.partition(".")[0]))
        for alias in node.names
    ]
