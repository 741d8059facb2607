"""``docs/reference/source-gate.md`` is made from the gate's registry, by this module.

``python -m tests.meta.source_gate_page`` writes it; tests compare the two, and hold
each example to the rule that it stands under.
"""

# A row of a table is one line.
# ruff: noqa: E501

from __future__ import annotations

from pathlib import Path

from lockgate_sandbox.source import RULES, Rule
from lockgate_sandbox.source._registry import FAMILIES

__all__ = ["EXAMPLES", "PAGE", "render"]

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "source-gate.md"

_HEAD = """\
# The source gate

Made from `lockgate_sandbox.source` by `python -m tests.meta.source_gate_page`; do not
edit.

```sh
lockgate-sandbox scan PATH...                       # text; the same as: lockgate sandbox scan
lockgate-sandbox scan --json PATH...                # JSON
lockgate-sandbox scan --sarif out.sarif PATH...     # SARIF 2.1.0; - prints it
```

The gate reads Python source and says what it would do, without running it. **It is
not a boundary**: Python can hide what it does from every reader, and a clean scan
proves nothing. What code may do is its policy's word, and the kernel holds it
([why](../explanation/source-gate.md)).

| option | does |
|---|---|
| `--fail-on error\\|warning\\|never` | the least level that makes the exit status 1; default `error` |
| `--notes` | lists notes, too; otherwise they are counted |
| `--cache FILE` | remembers findings by the hash of the content; keep it where only its owner writes |
| `--jobs N` | how many processes read files, if there are many; default: one for each core |

Exit status: 0 nothing at that level, 1 something, 2 usage (also: no such path).

```python
from lockgate_sandbox import Policy
from lockgate_sandbox.source import compare_rights, rights, scan_tree

scan = scan_tree("/srv/plugin")                 # a folder, a file, or {path: bytes}
for finding in scan.findings:
    print(finding.path, finding.line, finding.rule, finding.message)

beside = compare_rights(rights(scan.findings), Policy.for_tier("basic"))
print(beside.missing, beside.unused, beside.blind)
```

`scan_source(source, filename)` scans one text. Neither raises for what the source is:
what can't be read is a finding. The grammar is that of the running interpreter
(`TreeScan.python`). `scan_tree(tree, jobs=4)` has so many processes of ours read the files; what
is found and its order are the same, and one that dies costs a `too-large` for its file.

## Levels

| level | means |
|---|---|
| `error` | an honest plugin has next to no reason for it |
| `warning` | needs a right beyond computing, or runs code that a reader can't see |
| `note` | worth knowing, and common |

## Rights

A finding may speak for a right: `read`, `write`, `net`, `program`, `process`, `thread`,
`env`. `native` and `dynamic` are no rights of a policy: they say that the others may be
incomplete. `rights(findings)` collects them with the paths, programs, hosts and
variables that literals name; `compare_rights(derived, policy)` says what is used and not
granted, and granted and not seen in use.

## What is looked at

`.py`, `.pyw`, scripts whose first line names Python, `.pth`, `.pyc` and native libraries
by name. No link is followed; `.git`, `.hg` and `.svn` are left out, and in `__pycache__`
byte code that is called `name.TAG.pyc`, which no import finds by itself. Bounds (`ScanLimits`): 4 MiB and 500,000 signs a file,
20,000 files, 512 MiB and 40 folders deep a tree, 1,000 findings a file.

A name is followed through `import ... as`, `from ... import *`, assignments, default
arguments, conditional expressions, attribute chains, `getattr`, `__import__`,
`importlib.import_module`, `vars()`, `globals()`, `__dict__` and `sys.modules` with a
text that can be told, and through modules that are attributes of others
(`random._os.system`). Text is told from concatenation, f-strings, `join`, slices,
`chr`, `bytes`, hexadecimal, Base64, case and `replace`. A name that the module binds for
sure and before its use is not the builtin.

Knowingly not seen: objects that arrive as arguments, from containers, from attributes
(`self.run = eval` is found, `self.run("1")` is not), from other modules of the tree, or
from C; text that is computed in any other way; what compiled code does; formats other
than literals.

## Rules
"""

EXAMPLES: dict[str, str] = {
    "audit-hook": "sys.addaudithook(hook)",
    "builtins-change": "builtins.open = mine",
    "bytecode": "",
    "class-walk": "cls.__subclasses__()",
    "code-loader": 'importlib.util.spec_from_file_location("a", path)',
    "code-object": "types.CodeType(*parts)",
    "credentials": "import keyring",
    "decoded-code": "exec(base64.b64decode(data))",
    "decoded-literal": 'base64.b64decode("' + "QUJD" * 16 + '")',
    "dynamic-attribute": "getattr(thing, name)",
    "dynamic-execution": "run = eval; run(text)",
    "dynamic-import": "importlib.import_module(name)",
    "environment": 'os.environ["HOME"]',
    "environment-change": 'os.environ["PATH"] = "/tmp"',
    "environment-secret": 'os.getenv("GITHUB_TOKEN")',
    "escape-chain": "().__class__.__base__.__subclasses__()",
    "escaped-text": r'"\x6f\x73\x2e\x73\x79\x73\x74\x65\x6d"',
    "exit-hook": "atexit.register(work)",
    "file-metadata": 'os.chmod("a", 0o777)',
    "file-read": 'open("a")',
    "file-write": 'open("a", "w")',
    "format-walk": '"{0.__class__.__init__.__globals__}".format(thing)',
    "frame-walk": "generator.gi_frame",
    "function-insides": "function.__globals__",
    "hidden-attribute": 'getattr(thing, "__glob" + "als__")',
    "import-hook": "sys.meta_path.insert(0, finder)",
    "invisible-text": 'level = "user\u202e"',
    "left-out": "",
    "local-socket": "import asyncio",
    "more-findings": "",
    "native-call": "import ctypes",
    "native-library": "",
    "network": "import urllib.request",
    "object-hunt": "gc.get_objects()",
    "opaque-literal": "",
    "process": "os.fork()",
    "program": 'subprocess.run(["git", "log"])',
    "pth-code": "",
    "raw-memory": "ctypes.memmove(target, source, 8)",
    "secret-path": 'open("/home/ada/.ssh/id_rsa")',
    "shell": 'getattr(__import__("os"), "sys" + "tem")("id")',
    "signal": "os.kill(pid, 9)",
    "site-hook": "",
    "spelt-text": '"".join(map(chr, [115, 121, 115, 116, 101, 109]))',
    "syntax-error": "def f(:",
    "thread": "import threading",
    "too-large": "",
    "trace-hook": "sys.settrace(hook)",
    "unreadable-text": "",
    "unsafe-deserialisation": "import pickle",
    "web-address": 'URL = "https://api.example.com/v1"',
}
"""Source that sets a rule off; empty where a line can't show it."""


def _section(rule: Rule) -> str:
    right = f"right `{rule.right}`" if rule.right else "no right"
    example = EXAMPLES[rule.id]
    shown = example if example.isascii() else ascii(example)[1:-1]
    code = f"\n```python\n{shown}\n```\n" if example else ""
    return f"### `{rule.id}`\n\n{rule.level}, {right}. {rule.why}\n{code}"


def render() -> str:
    """The page."""
    parts = [_HEAD]
    for family in FAMILIES:
        parts += [_section(rule) for rule in family.rules]
    assert sum(part.startswith("###") for part in parts) == len(RULES)
    return "\n".join(parts)


if __name__ == "__main__":
    PAGE.write_text(render(), "utf-8")
