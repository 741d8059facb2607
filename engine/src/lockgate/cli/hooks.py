"""``lockgate hooks``: the contract, from the typed specs themselves."""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from lockgate.cli._output import print_json, print_lines, print_table
from lockgate.cli._session import Subparsers, installed, settings
from lockgate.errors import UnknownHookError, UsageError
from lockgate.granting import consent_now

if TYPE_CHECKING:
    from lockgate._manifest.value import HookImpl
    from lockgate._specs.spec import HookSpec
    from lockgate.config import Config
    from lockgate.discovery import PluginState
    from lockgate.kinds import AddedKind

__all__ = ["add", "run"]


def add(subparsers: Subparsers) -> None:
    """Describe the command."""
    about = "List the hooks, or show what one is asked and answers."
    parser = subparsers.add_parser("hooks", description=about)
    parser.add_argument(
        "action",
        nargs="?",
        choices=["list", "show"],
        default="list",
        metavar="ACTION",
        help="list (the default), or show with a HOOK",
    )
    parser.add_argument("hook", nargs="?", metavar="HOOK", help="the hook to show")
    parser.add_argument("--json", action="store_true", help="print JSON")


def run(args: argparse.Namespace) -> int:
    """Print the hooks, or one of them and who implements it.

    Raises:
        UnknownHookError: If there is no such hook.
        UsageError: If one is to be shown and none is named.
    """
    from lockgate._seating.registry import adders, kinds_added, specs_of

    config = settings(args)
    plugins = installed(config).plugins
    known, answering = specs_of(plugins), _Answering(plugins, config)
    by_kind = {kind: plugin.name for kind, plugin in adders(plugins).items()}
    added = kinds_added(plugins)
    if args.action == "show" or args.hook:
        name: str = args.hook or ""
        if not name:
            hint = "`lockgate hooks` lists them; then: lockgate hooks show HOOK"
            raise UsageError("the hook to show is not named", hint=hint)
        if name not in known:
            raise UnknownHookError(name, known=known)
        hook = _data(known[name], answering, by_kind, added)
        return _show(hook, as_json=args.json)
    rows = [_data(spec, answering, by_kind, added) for spec in known.values()]
    if args.json:
        print_json({"hooks": rows})
        return 0
    print_table(
        ["hook", "kind", "added by", "answered by", "about"],
        [
            [
                r["name"],
                r["kind"],
                r["added_by"] or "-",
                ", ".join(r["plugins"]) or "-",
                f"(deprecated) {r['summary']}" if r["deprecated"] else r["summary"],
            ]
            for r in rows
        ],
    )
    return 0


class _Answering:
    """Who answers and who wraps each hook: the usable plugins' manifests say so."""

    def __init__(self, plugins: Iterable[PluginState], config: Config) -> None:
        self._config = config
        self._owner = config.hooks
        self._states: dict[str, PluginState] = {}
        self._impls: dict[tuple[str, bool], dict[str, HookImpl]] = {}
        for plugin in plugins:
            if plugin.usable and plugin.manifest is not None:
                self._states[plugin.name] = plugin
                for impl in plugin.manifest.hooks:
                    found = self._impls.setdefault((impl.hook, impl.wrapper), {})
                    found[plugin.name] = impl

    def places(self, hook: str, *, wrapper: bool) -> list[dict[str, str]]:
        """The plugins in the order in which they are asked, each with the reason."""
        from lockgate._order.line import arrange
        from lockgate.config import HookOrder

        impls = self._impls.get((hook, wrapper), {})
        owner = self._owner.get(hook, HookOrder())
        return [{"plugin": p.plugin, "why": p.why} for p in arrange(impls, owner)]

    def wrappers(self, hook: str) -> list[dict[str, Any]]:
        """The plugins that wrap it, outermost first, and whether they may."""
        from lockgate.grants import grant_command

        found: list[dict[str, Any]] = []
        for place in self.places(hook, wrapper=True):
            name, key = place["plugin"], f"wrap:{hook}"
            given, _ = consent_now(self._states[name], self._config)
            granted = given.in_host or given.has(key)
            command = "" if granted else grant_command(name, key)
            found.append({**place, "granted": granted, "grant": command})
        return found

    def disabled(self, hook: str) -> list[str]:
        """The plugins that would answer or wrap it, were it not for the owner."""
        owner = self._owner.get(hook)
        names = {n for w in (False, True) for n in self._impls.get((hook, w), {})}
        return sorted(names & set(owner.disable)) if owner is not None else []


def _data(
    spec: HookSpec,
    answering: _Answering,
    by_kind: Mapping[str, str],
    added: Mapping[str, AddedKind],
) -> dict[str, Any]:
    from lockgate._specs.shapes import shapes_of
    from lockgate.kinds._shapes import shapes_in

    options = spec.options
    order = answering.places(spec.name, wrapper=False)
    own = shapes_in(added[spec.kind]) if spec.kind in added else {}
    asked = (argument.annotation for argument in spec.arguments)
    types = shapes_of(spec.annotation, *asked, added=own)
    return {
        "name": spec.name,
        "kind": options.kind,
        "added_by": by_kind.get(options.kind, ""),
        "since": options.life.since,
        "deprecated": options.life.advice if spec.deprecated else "",
        "stream": spec.stream,
        "historic": spec.historic,
        "summary": spec.doc.strip().partition("\n")[0],
        "doc": spec.doc,
        "arguments": [
            {"name": a.name, "type": a.annotation, "required": a.required}
            for a in spec.arguments
        ],
        "answer": spec.annotation,
        "types": {shape.name: list(shape.fields) for shape in types},
        "types_of_kind": [shape.name for shape in types if shape.name in own],
        "first_result": options.firstresult,
        "timeout_seconds": options.timeout_seconds,
        "failure": options.failure,
        "plugins": [place["plugin"] for place in order],
        "order": order,
        "wrappers": answering.wrappers(spec.name),
        "disabled": answering.disabled(spec.name),
    }


def _show(hook: dict[str, Any], *, as_json: bool) -> int:
    if as_json:
        print_json(hook)
        return 0
    arguments = ", ".join(
        f"{a['name']}: {a['type']}" + ("" if a["required"] else " = …")
        for a in hook["arguments"]
    )
    asked = (
        "the first that answers" if hook["first_result"] else "all that implement it"
    )
    lines = [f"{hook['name']}({arguments}) -> {hook['answer']}", ""]
    lines += [f"  {line}".rstrip() for line in hook["doc"].strip().splitlines()]
    lines += [
        "",
        f"  kind         {hook['kind']}"
        + (f", added by {hook['added_by']}" if hook["added_by"] else ""),
        f"  since        {hook['since']}",
        f"  asked        {asked}",
        f"  time         {hook['timeout_seconds']:g} s a plugin",
        f"  on failure   {hook['failure']}",
        f"  answered by  {', '.join(hook['plugins']) or 'no plugin'}",
    ]
    if hook["deprecated"]:
        lines.append(f"  deprecated   {hook['deprecated']}")
    for title, places in (("order", "order"), ("wrapped by", "wrappers")):
        width = max((len(place["plugin"]) for place in hook[places]), default=0)
        for number, place in enumerate(hook[places]):
            head = title if number == 0 else ""
            lines.append(f"  {head:12} {place['plugin']:{width}}  {place['why']}")
            if place.get("grant"):
                lines.append(f"  {'':12} not granted; to allow it: {place['grant']}")
    if hook["disabled"]:
        lines.append(f"  {'disabled':12} {', '.join(hook['disabled'])}")
    print_lines([*lines, *_type_lines(hook)])
    return 0


def _type_lines(hook: dict[str, Any]) -> Iterator[str]:
    own = {name: hook["types"][name] for name in hook["types_of_kind"]}
    ours = {name: hook["types"][name] for name in hook["types"] if name not in own}
    from_kind = f"Types of the kind {hook['kind']}:"
    for title, types in ((from_kind, own), ("Types (from lockgate.plugin):", ours)):
        if types:
            yield from ("", title)
        for name, fields in types.items():
            yield f"  {name}"
            yield from (f"    {field}" for field in fields)
