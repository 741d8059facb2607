"""Hooks: code that runs before, after or underneath what is called."""

from __future__ import annotations

from lockgate_sandbox.source._site import Family
from lockgate_sandbox.source.findings import Level, Right, Rule

__all__ = ["BYTECODE", "FAMILY", "PTH", "SITE"]

IMPORTS = Rule(
    "import-hook",
    Level.WARNING,
    "Changes how imports are found or loaded, for everybody in the process.",
    Right.DYNAMIC,
)
TRACE = Rule(
    "trace-hook",
    Level.WARNING,
    "Watches or changes every call that the process makes.",
)
AUDIT = Rule(
    "audit-hook",
    Level.WARNING,
    "Hears of everything that is opened or started, and can't be taken away.",
)
EXIT = Rule(
    "exit-hook",
    Level.NOTE,
    "Runs code when the process ends or is forked.",
)
BUILTINS = Rule(
    "builtins-change",
    Level.ERROR,
    "Changes what builtin names mean, for everybody in the process.",
    Right.DYNAMIC,
)
SITE = Rule(
    "site-hook",
    Level.ERROR,
    "A module that the interpreter imports when it starts.",
    Right.DYNAMIC,
)
PTH = Rule(
    "pth-code",
    Level.ERROR,
    "A line of a .pth file that the interpreter runs when it starts.",
    Right.DYNAMIC,
)
BYTECODE = Rule(
    "bytecode",
    Level.WARNING,
    "Compiled Python without source: what it does can't be read.",
    Right.DYNAMIC,
)

_IMPORTS = (
    "sys.meta_path", "sys.path_hooks", "sys.path_importer_cache", "sys.pycache_prefix",
    "importlib.machinery.PathFinder", "importlib.abc.MetaPathFinder",
    "importlib._bootstrap", "importlib._bootstrap_external",
)  # fmt: skip
_TRACES = (
    "sys.settrace", "sys.setprofile", "threading.settrace", "threading.setprofile",
    "sys.monitoring", "sys.excepthook", "sys.displayhook", "sys.unraisablehook",
    "sys.breakpointhook", "threading.excepthook", "sys._settraceallthreads",
    "builtins.breakpoint", "faulthandler.register",
)  # fmt: skip
_EXITS = (
    "atexit.register", "os.register_at_fork", "weakref.finalize", "os._exit",
    "os.abort", "threading._register_atexit",
)  # fmt: skip

FAMILY = Family(
    rules=(IMPORTS, TRACE, AUDIT, EXIT, BUILTINS, SITE, PTH, BYTECODE),
    modules={
        "sitecustomize": SITE,
        "usercustomize": SITE,
        "atexit": EXIT,
        "site": IMPORTS,
        "faulthandler": TRACE,
        "sys.monitoring": TRACE,
        "bdb": TRACE,
        "pdb": TRACE,
    },
    names={
        **dict.fromkeys(_IMPORTS, IMPORTS),
        **dict.fromkeys(_TRACES, TRACE),
        **dict.fromkeys(_EXITS, EXIT),
        "sys.addaudithook": AUDIT,
        "site.addsitedir": IMPORTS,
    },
    changed={
        "builtins": BUILTINS,
        "sys.modules": IMPORTS,
        "sys.meta_path": IMPORTS,
    },
)
