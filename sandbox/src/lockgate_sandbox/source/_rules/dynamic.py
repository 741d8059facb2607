"""Code that is made while the program runs: it can't be read beforehand."""

from __future__ import annotations

import ast

from lockgate_sandbox.source._site import Family, Site, argument
from lockgate_sandbox.source.findings import Level, Right, Rule

__all__ = ["FAMILY"]

EXECUTION = Rule(
    "dynamic-execution",
    Level.WARNING,
    "Runs text as code, so that what it does can't be read beforehand.",
    Right.DYNAMIC,
)
IMPORT = Rule(
    "dynamic-import",
    Level.WARNING,
    "Imports a module whose name is only known when it runs.",
    Right.DYNAMIC,
)
LOADER = Rule(
    "code-loader",
    Level.WARNING,
    "Loads code from a place or in a form that the import statement does not show.",
    Right.DYNAMIC,
)
PICKLE = Rule(
    "unsafe-deserialisation",
    Level.WARNING,
    "Reads a format whose documents can call any function.",
    Right.DYNAMIC,
)
CODE = Rule(
    "code-object",
    Level.ERROR,
    "Builds or changes code and function objects, which can break the interpreter.",
    Right.DYNAMIC,
)


def _imports(site: Site, node: ast.Call, name: str) -> None:
    given = argument(node, 0, "name")
    if given is not None and site.text(given) is None:
        site.report(IMPORT, node, f"{name.rpartition('.')[2]} of a name that is made")


def _builds(site: Site, node: ast.Call, name: str) -> None:
    # A mention alone is mostly a test of type.
    site.report(CODE, node, f"calls {name}", name)


def _replaces(site: Site, node: ast.Call, _: str) -> None:
    for keyword in node.keywords:
        if keyword.arg and keyword.arg.startswith("co_"):
            site.report(CODE, node, "changes a code object")
            return


_EVALUATORS = (
    "builtins.eval", "builtins.exec", "builtins.compile", "builtins.execfile",
    "code.InteractiveInterpreter", "code.InteractiveConsole", "code.interact",
    "codeop.compile_command", "timeit.timeit", "timeit.Timer", "cProfile.run",
    "profile.run", "pdb.run", "pdb.runeval", "bdb.Bdb", "doctest.testmod",
)  # fmt: skip
_LOADERS = (
    "importlib.util.spec_from_file_location", "importlib.util.spec_from_loader",
    "importlib.util.module_from_spec", "importlib.machinery.SourceFileLoader",
    "importlib.machinery.SourcelessFileLoader", "importlib.reload",
    "importlib.machinery.ExtensionFileLoader", "importlib.abc.InspectLoader",
    "pkgutil.get_loader", "pkgutil.find_loader", "pkgutil.resolve_name",
    "builtins.__loader__",
)  # fmt: skip

FAMILY = Family(
    rules=(EXECUTION, IMPORT, LOADER, PICKLE, CODE),
    modules={
        "runpy": LOADER,
        "imp": LOADER,
        "zipimport": LOADER,
        "code": EXECUTION,
        "codeop": EXECUTION,
        "marshal": PICKLE,
        "pickle": PICKLE,
        "_pickle": PICKLE,
        "cPickle": PICKLE,
        "shelve": PICKLE,
        "dill": PICKLE,
        "cloudpickle": PICKLE,
        "joblib": PICKLE,
        "jsonpickle": PICKLE,
    },
    names={
        **dict.fromkeys(_EVALUATORS, EXECUTION),
        **dict.fromkeys(_LOADERS, LOADER),
        "copyreg.pickle": PICKLE,
        "yaml.unsafe_load": PICKLE,
        "yaml.UnsafeLoader": PICKLE,
        "yaml.full_load": PICKLE,
        "numpy.core.multiarray._reconstruct": PICKLE,
        "pandas.read_pickle": PICKLE,
    },
    calls={
        "builtins.__import__": _imports,
        "importlib.import_module": _imports,
        "types.CodeType": _builds,
        "types.FunctionType": _builds,
        "types.LambdaType": _builds,
    },
    attributes={"load_module": LOADER, "exec_module": LOADER},
    methods={"replace": _replaces},
)
