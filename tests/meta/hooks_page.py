"""``docs/reference/hooks.md`` is made from `lockgate.hookspecs`, by this module.

``python -m tests.meta.hooks_page`` writes it; a test compares the two.
"""

from __future__ import annotations

import inspect
from pathlib import Path

from lockgate import hookspecs
from lockgate._specs.shapes import all_shapes
from lockgate._specs.spec import KINDS, HookSpec, spec_classes, specs
from lockgate.plugin import Context

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
types below, in both directions. The [values](#values) and the
[context](#the-context) stand at the end of this page.

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
- **since**: the hook API that it came with. A plugin that answers a hook which this
  lockgate's API has not, or no longer, is `incompatible`; a deprecated one is warned of
  by `check`, `doctor`, `info` and once in the log

Plugins [add kinds](../how-to/add-a-kind.md) with hooks of their own; `lockgate hooks`
lists them too, with the plugin.

A hook that returns an `Iterator` gives a **stream**: its impl is a generator, or any
function that returns what can be iterated. Every impl may be a coroutine function or,
of a stream, an async generator. `lockgate call` prints a stream as it comes,
`Host.stream` iterates it; a failing plugin is dealt with when its turn comes, and what
it gave before stays given.

The calls of a **historic** hook are kept: a plugin that becomes active later, or whose
worker is replaced, is told of them in order.

An impl that refuses its input raises `RefusedError` with its reasons; that is exit
status 3 on the command line, and no failure of the plugin.
"""

_VALUES = """\
## Values

All are in `lockgate.plugin` and `lockgate.values`: frozen dataclasses, given by
position or by name. A list does where a tuple stands.

`Data` is what may cross the boundary: None, bool, int, float, str, bytes, and
sequences and string-keyed mappings of those. A `Document` is a mapping of them.

A tree: `for file in tree`, `tree["a.py"].text`, `"a.py" in tree`, `len(tree)`,
`Tree.of({"a.py": "text or bytes"})`, `tree.merged(other)`.
"""


def _row(spec: HookSpec) -> str:
    asked = "first" if spec.options.firstresult else "all"
    summary = spec.doc.strip().partition("\n")[0]
    since = f"{spec.life.since}, deprecated" if spec.deprecated else spec.life.since
    return (
        f"| [`{spec.name}`](#{spec.name}) | {asked} | "
        f"{spec.options.timeout_seconds:g} | {spec.options.failure} | {since} | "
        f"{summary} |"
    )


def _form(spec: HookSpec) -> str:
    """How the hook differs from a plain one."""
    forms = ["A stream."] if spec.stream else []
    forms += ["Historic."] if spec.historic else []
    if spec.life.since != "1.0":
        forms.append(f"Since hook API {spec.life.since}.")
    if spec.deprecated:
        forms.append(f"{spec.life.advice.capitalize()}.")
    return f"\n{' '.join(forms)}\n" if forms else ""


def _section(spec: HookSpec) -> str:
    arguments = "".join(
        f"\n    {a.name}: {a.annotation}{'' if a.required else ' = ...'},"
        for a in spec.arguments
    )
    end = "\n" if arguments else ""
    return (
        f"### {spec.name}\n\n```python\n{spec.name}({arguments}{end}) -> "
        f"{spec.annotation}\n```\n\n{inspect.cleandoc(spec.doc)}\n{_form(spec)}"
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
            "| hook | asked | time | on failure | since | about |\n"
            "|---|---|---|---|---|---|"
        )
        parts += [_row(spec) for spec in mine]
        parts.append("")
        parts += [_section(spec) for spec in mine]
    parts += _values()
    parts += _context()
    return "\n".join(parts).rstrip() + "\n"


def _values() -> list[str]:
    """The values: each class with its fields."""
    parts = [_VALUES]
    for shape in all_shapes().values():
        fields = "".join(f"\n    {field}," for field in shape.fields)
        parts.append(
            f"### {shape.name}\n\n```python\n{shape.name}({fields}\n)\n```\n\n"
            f"{_plain(shape.doc)}\n"
        )
    return parts


def _context() -> list[str]:
    """The context: each method with what it does."""
    parts = [f"## The context\n\n{_plain(inspect.getdoc(Context) or '')}\n"]
    for name, member in vars(Context).items():
        if name.startswith("_"):
            continue
        if isinstance(member, property):
            assert member.fget is not None
            signature = inspect.signature(member.fget)
            title = f"context.{name}: {signature.return_annotation}"
        else:
            signature = inspect.signature(member)
            inner = [*signature.parameters.values()][1:]
            title = f"context.{name}{signature.replace(parameters=inner)}"
        about = _plain(inspect.getdoc(member) or "")
        parts.append(f"```python\n{title.replace(chr(39), '')}\n```\n\n{about}\n")
    return parts


def _plain(doc: str) -> str:
    return doc.replace("``", "`")


if __name__ == "__main__":
    PAGE.write_text(render())
