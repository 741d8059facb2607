"""Every rule applied to one module: from bytes to reports."""

from __future__ import annotations

import ast

from lockgate_sandbox.parsing import parse
from lockgate_sandbox.source import _registry as registry
from lockgate_sandbox.source._dotted import canonical
from lockgate_sandbox.source._names import Names
from lockgate_sandbox.source._scope import LONG_TEXT, Places
from lockgate_sandbox.source._site import Report, Site
from lockgate_sandbox.source._walk import places_of

__all__ = ["judge"]


def judge(text: str, source: bytes, limit: int) -> list[Report]:
    """What the rules say of `text`, at most one more than `limit`.

    `source` is the same text as UTF-8, in which columns are counted.

    Raises:
        SyntaxError: As `parse` does, and RecursionError, MemoryError, ValueError.
    """
    places = places_of(parse(text), registry.WORDS)
    names = Names(places, registry.BUILTINS, registry.NAMES, registry.LEADING)
    site = Site(names, places.scopes[0], source, limit)
    for judged in _STEPS:
        judged(site, places)
        if site.full:
            break
    return site.reports


def _module(site: Site, node: ast.AST, module: str, how: str) -> None:
    found = registry.module_rule(module)
    if found is not None:
        site.report(found[0], node, f"{how} {module}")


def _imports(site: Site, places: Places) -> None:
    for node in places.imports:
        _import(site, node)


def _import(site: Site, node: ast.Import | ast.ImportFrom) -> None:
    if isinstance(node, ast.Import):
        for alias in node.names:
            _module(site, alias, alias.name, "imports")
        return
    if node.level:
        return
    module = node.module or ""
    known = registry.module_rule(module)
    for alias in node.names:
        whole = f"{module}.{alias.name}"
        found = registry.module_rule(whole)
        if found is not None and (known is None or found[0] is not known[0]):
            site.report(found[0], node, f"imports {whole}")
        else:
            rule = registry.NAMES.get(canonical(whole))
            if rule is not None:
                site.report(rule, node, f"imports {whole}")
    if known is not None:
        site.report(known[0], node, f"imports {module}")


def _names(site: Site, _: Places) -> None:
    rules = registry.NAMES
    for node, scope in site.names.mentions:
        for dotted in site.names.lookup(node.id, scope, node.lineno):
            rule = rules.get(dotted)
            if rule is not None:
                said = node.id if dotted.endswith(node.id) else dotted
                site.report(rule, node, f"uses {said}")


def _attributes(site: Site, places: Places) -> None:
    last_words, rules, loud = (
        registry.LAST_WORDS,
        registry.NAMES,
        registry.ATTRIBUTES,
    )
    for node, scope in places.attributes:
        site.scope, attr = scope, node.attr
        if attr in last_words:
            for dotted in _candidates(site, node):
                rule = rules.get(dotted)
                if rule is not None:
                    site.report(rule, node, f"uses {dotted}")
        rule = loud.get(attr)
        if rule is not None and not any(check(site, node) for check in registry.STEPS):
            site.report(rule, node, f"uses {attr}")


def _candidates(site: Site, node: ast.Attribute) -> frozenset[str]:
    """What an attribute may be; of an unknown object, ``….os.system`` will do."""
    found = site.dotted(node)
    owner = node.value
    if isinstance(owner, ast.Attribute):
        module = canonical(owner.attr.lstrip("_"))
        known = not found.isdisjoint(registry.NAMES)
        if module in registry.OWNERS and not known:
            found |= {canonical(f"{module}.{node.attr}")}
    return found


def _calls(site: Site, places: Places) -> None:
    watch, stars = site.names.watch, bool(site.names.stars)
    for name, node, scope in places.calls:
        if name in watch or stars:
            site.scope = scope
            _called(site, node, site.names.lookup(name, scope, node.func.lineno))


def _methods(site: Site, places: Places) -> None:
    methods, last_words = registry.METHODS, registry.LAST_WORDS
    for node, scope in places.methods:
        site.scope, function = scope, node.func
        if isinstance(function, ast.Attribute):
            for check in methods.get(function.attr, ()):
                check(site, node, function.attr)
            if function.attr in last_words:
                _called(site, node, _candidates(site, function))


def _called(site: Site, node: ast.Call, found: frozenset[str]) -> None:
    """A call of something that may be any of `found`."""
    for dotted in found:
        for check in registry.CALLS.get(dotted, ()):
            check(site, node, dotted)
        if dotted in _REACHING:
            _reached(site, node, dotted)


_REACHING = frozenset(
    {"builtins.getattr", "builtins.__import__", "importlib.import_module"}
)


def _made(site: Site, places: Places) -> None:
    """Calls of what a call, a subscript or a condition gave."""
    for node, scope in places.made:
        site.scope, function = scope, node.func
        for dotted in site.dotted(function):
            rule = registry.NAMES.get(dotted)
            if rule is not None and not isinstance(function, ast.Call):
                site.report(rule, node, f"uses {dotted}")
            for check in registry.CALLS.get(dotted, ()):
                check(site, node, dotted)


def _reached(site: Site, node: ast.Call, how: str) -> None:
    """What a call of `getattr` or an importer with a literal gives."""
    for dotted in site.dotted(node):
        if how == "builtins.getattr":
            rule = registry.NAMES.get(dotted)
            if rule is not None:
                site.report(rule, node, f"uses {dotted} by getattr")
        else:
            _module(site, node, dotted, "imports at run time")


def _subscripts(site: Site, places: Places) -> None:
    for node, scope in places.subscripts:
        site.scope, part = scope, node.slice
        key: object = None
        if isinstance(part, ast.Constant):
            key = part.value
        elif part.__class__ in _FOLDABLE:
            key = site.text(part)
        if not isinstance(key, str):
            continue
        for check in registry.KEYS:
            check(site, node, key)
        if key in registry.LAST_WORDS:
            for dotted in site.dotted(node):
                rule = registry.NAMES.get(dotted)
                if rule is not None:
                    site.report(rule, node, f"uses {dotted} by a key")


_FOLDABLE = frozenset({ast.BinOp, ast.Call, ast.JoinedStr, ast.Subscript, ast.Name})


def _changes(site: Site, places: Places) -> None:
    for target, node, scope in places.changes:
        site.scope = scope
        for dotted in site.dotted(target.value):
            rule = registry.CHANGED.get(dotted)
            if rule is not None:
                site.report(rule, node, f"changes {dotted}", dotted)


def _texts(site: Site, places: Places) -> None:
    site.scope = places.scopes[0]
    for texts in (places.texts, places.long_texts):
        longest = max(map(len, texts.said), default=0)
        for check, words, least, most in registry.TEXTS:
            if longest < least or (texts is places.long_texts and most <= LONG_TEXT):
                continue
            for at in texts.holding(words or ("",)):
                if least <= len(texts.said[at]) <= most:
                    check(site, texts.nodes[at], texts.said[at])


def _whole(site: Site, _: Places) -> None:
    plain = site.source.isascii()
    for word, check in registry.WHOLE:
        if (not plain or word.isascii()) and word in site.source:
            check(site)


_STEPS = (
    _imports, _names, _attributes, _calls, _methods, _made, _subscripts, _changes,
    _texts, _whole,
)  # fmt: skip
