"""Environment variables, secrets, and who and where the program is."""

from __future__ import annotations

import ast
import re

from lockgate_sandbox.source._site import Family, Site, argument
from lockgate_sandbox.source.findings import Level, Right, Rule

__all__ = ["FAMILY"]

ENVIRONMENT = Rule("environment", Level.NOTE, "Reads environment variables.", Right.ENV)
SECRET = Rule(
    "environment-secret",
    Level.WARNING,
    "Reads an environment variable whose name speaks of a secret, or all of them.",
    Right.ENV,
)
CHANGED = Rule(
    "environment-change",
    Level.WARNING,
    "Changes environment variables, which programs started later obey.",
    Right.ENV,
)
CREDENTIALS = Rule(
    "credentials",
    Level.WARNING,
    "Asks for passwords, or for the machine's store of them.",
)

_SECRET_NAME = re.compile(
    r"(?:^|_)(?:SECRET|TOKEN|PASSWORD|PASSWD|APIKEY|CREDENTIALS?|KEY|AUTH|DSN)(?:_|$)"
    r"|^AWS_|^GITHUB_|^DATABASE_URL$",
    re.IGNORECASE,
)


def _read(site: Site, node: ast.expr, name: str) -> None:
    rule = SECRET if _SECRET_NAME.search(name) else ENVIRONMENT
    site.report(rule, node, f"reads the variable {name}" if name else _ANY, name)


_ANY = "reads a variable whose name is made"


def _getenv(site: Site, node: ast.Call, _: str) -> None:
    _read(site, node, site.text(argument(node, 0, "key")) or "")


def _item(site: Site, node: ast.Subscript, key: str) -> None:
    if "os.environ" in site.dotted(node.value):
        if isinstance(node.ctx, ast.Load):
            _read(site, node, key)
        else:
            site.report(CHANGED, node, f"changes the variable {key}", key)


def _changed(site: Site, node: ast.Call, _: str) -> None:
    name = site.text(argument(node, 0)) or ""
    site.report(CHANGED, node, "changes environment variables", name)


def _all(site: Site, node: ast.Call, _: str) -> None:
    site.report(SECRET, node, "reads the whole environment")


FAMILY = Family(
    rules=(ENVIRONMENT, SECRET, CHANGED, CREDENTIALS),
    modules=dict.fromkeys(("keyring", "getpass", "secretstorage"), CREDENTIALS),
    names={
        "os.environ": ENVIRONMENT,
        "os.environb": ENVIRONMENT,
        "pwd.getpwall": CREDENTIALS,
        "spwd.getspall": CREDENTIALS,
    },
    calls={
        "os.getenv": _getenv,
        "os.getenvb": _getenv,
        "os.environ.get": _getenv,
        "os.environ.pop": _changed,
        "os.environ.update": _changed,
        "os.environ.setdefault": _changed,
        "os.putenv": _changed,
        "os.unsetenv": _changed,
        "os.environ.copy": _all,
        "os.environ.items": _all,
        "os.environ.values": _all,
    },
    keys=(_item,),
)
