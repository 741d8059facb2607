"""``docs/reference/hooks.md`` is made from `lockgate.hookspecs`, by this module.

``python -m tests.meta.hooks_page`` writes it; a test compares the two.
"""

from __future__ import annotations

import inspect
from pathlib import Path

from lockgate import hookspecs
from lockgate._specs import KINDS, HookSpec, spec_classes, specs

__all__ = ["PAGE", "render"]

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "hooks.md"

_HEAD = """\
# Hooks

Made from `lockgate.hookspecs` by `python -m tests.meta.hooks_page`; do not edit.

```console
lockgate hooks                  # every hook, and which plugins answer it
lockgate hooks show generate    # one of them
lockgate call generate --plugin firmware spec=@spec.yaml
```

A hook is a question with a typed answer. A plugin's impl is a function of the
hook's name, marked `@hookimpl`; it takes any of the hook's arguments, by name. The
manifest names it under `[hooks]`. What goes in and what comes out is held to the
types below, in both directions; the values are in `lockgate.values`.

```python
from lockgate.plugin import Context, Generation, Tree, hookimpl


@hookimpl
def generate(spec: dict, context: Context) -> Generation:
    context.progress("writing")
    return Generation(Tree.of({"readme.txt": spec["title"]}))
```

In the tables below:

- **asked** `all`: every plugin that has an impl; `first`: one after the other, until
  one answers other than None
- **time**: seconds that one plugin may take, unless the caller says otherwise
- **on failure** `fail`: the first error ends the call; `skip`: the other answers
  count, the failure is reported beside them; `collect`: all are asked, all errors are
  raised together

An impl that refuses its input raises `RefusedError` with its reasons; that is exit
status 3 on the command line, and no failure of the plugin.
"""


def _row(spec: HookSpec) -> str:
    asked = "first" if spec.options.firstresult else "all"
    summary = spec.doc.strip().partition("\n")[0]
    return (
        f"| [`{spec.name}`](#{spec.name}) | {asked} | "
        f"{spec.options.timeout_seconds:g} | {spec.options.failure} | {summary} |"
    )


def _section(spec: HookSpec) -> str:
    arguments = "".join(
        f"\n    {a.name}: {a.annotation}{'' if a.required else ' = ...'},"
        for a in spec.arguments
    )
    end = "\n" if arguments else ""
    return (
        f"### {spec.name}\n\n```python\n{spec.name}({arguments}{end}) -> "
        f"{spec.annotation}\n```\n\n{inspect.cleandoc(spec.doc)}\n"
    )


def render() -> str:
    """The page."""
    parts = [_HEAD, f"This is hook API {hookspecs.HOOK_API_VERSION}.\n"]
    known = specs()
    about = {name: cls for cls in spec_classes() for name in vars(cls)}
    for kind in KINDS:
        mine = [spec for spec in known.values() if spec.kind == kind]
        parts.append(f"## Kind `{kind}`\n")
        parts.append((inspect.getdoc(about[mine[0].name]) or "") + "\n")
        parts.append(
            "| hook | asked | time | on failure | about |\n|---|---|---|---|---|"
        )
        parts += [_row(spec) for spec in mine]
        parts.append("")
        parts += [_section(spec) for spec in mine]
    return "\n".join(parts).rstrip() + "\n"


if __name__ == "__main__":
    PAGE.write_text(render())
