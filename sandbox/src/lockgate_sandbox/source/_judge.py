"""Every rule applied to one module: from bytes to reports."""

from __future__ import annotations

import ast

from lockgate_sandbox.parsing import parse
from lockgate_sandbox.source import _registry as registry
from lockgate_sandbox.source._names import Names, canonical
from lockgate_sandbox.source._scope import Scope, Text, scopes_of
from lockgate_sandbox.source._site import Report, Site

__all__ = ["judge"]


def judge(text: str, source: bytes, limit: int) -> list[Report]:
    """What the rules say of `text`, at most one more than `limit`.

    `source` is the same text as UTF-8, in which columns are counted.

    Raises:
        SyntaxError: As `parse` does, and RecursionError, MemoryError, ValueError.
    """
    scopes, texts = scopes_of(parse(text))
    try:
        names = Names(scopes, registry.BUILTINS, registry.NAMES)
        names.shadow(scopes)
        site = Site(names, scopes[0], source, limit)
        _apply(site, scopes, texts)
        return site.reports
    finally:
        # What is bound points back to its scope, and the collector rests.
        for scope in scopes:
            scope.bound.clear()


def _apply(site: Site, scopes: list[Scope], texts: list[Text]) -> None:
    for scope in scopes:
        site.scope = scope
        for node in scope.imports:
            _import(site, node)
        _names(site, scope)
        _attributes(site, scope)
        _calls(site, scope)
        _subscripts(site, scope)
        _assigns(site, scope)
        if site.full:
            break
    site.scope = scopes[0]
    _texts(site, texts)
    for word, check in registry.WHOLE:
        if word in site.source:
            check(site)


def _module(site: Site, node: ast.AST, module: str, how: str) -> None:
    found = registry.module_rule(module)
    if found is not None:
        site.report(found[0], node, f"{how} {module}")


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


def _names(site: Site, scope: Scope) -> None:
    told, rules = site.names.told, registry.NAMES
    stars = bool(site.names.stars)
    for node in scope.names:
        if node.id in told or stars:
            for dotted in site.names.lookup(node.id, scope, node.lineno):
                rule = rules.get(dotted)
                if rule is not None:
                    said = node.id if dotted.endswith(node.id) else dotted
                    site.report(rule, node, f"uses {said}")


def _attributes(site: Site, scope: Scope) -> None:
    last_words, rules, loud = (
        registry.LAST_WORDS,
        registry.NAMES,
        registry.ATTRIBUTES,
    )
    for node in scope.attributes:
        attr = node.attr
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


def _calls(site: Site, scope: Scope) -> None:
    watch, last_words = site.names.watch, registry.LAST_WORDS
    calls, methods = registry.CALLS, registry.METHODS
    stars = bool(site.names.stars)
    for node in scope.calls:
        function = node.func
        if isinstance(function, ast.Name):
            if function.id not in watch and not stars:
                continue
            found = site.names.lookup(function.id, scope, function.lineno)
        elif isinstance(function, ast.Attribute):
            for check in methods.get(function.attr, ()):
                check(site, node, function.attr)
            if function.attr not in last_words:
                continue
            found = _candidates(site, function)
        else:
            _made(site, node, function)
            continue
        for dotted in found:
            for check in calls.get(dotted, ()):
                check(site, node, dotted)
            if dotted in _REACHING:
                _reached(site, node, dotted)


_REACHING = frozenset(
    {"builtins.getattr", "builtins.__import__", "importlib.import_module"}
)


def _made(site: Site, node: ast.Call, function: ast.expr) -> None:
    """A call of what a call, a subscript or a condition gave."""
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


def _subscripts(site: Site, scope: Scope) -> None:
    for node in scope.subscripts:
        part = node.slice
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


def _assigns(site: Site, scope: Scope) -> None:
    for target, _, node in scope.assigns:
        if isinstance(target, ast.Attribute | ast.Subscript):
            for dotted in site.dotted(target.value):
                rule = registry.CHANGED.get(dotted)
                if rule is not None:
                    site.report(rule, node, f"changes {dotted}", dotted)


def _texts(site: Site, texts: list[Text]) -> None:
    literals = [
        (value if isinstance(value, str) else value.decode("latin-1"), node)
        for value, node in texts
    ]
    everything = "\0".join([text for text, _ in literals])
    for least, words, check in registry.TEXTS:
        # By far most modules hold none of the words, and most texts neither.
        present = [word for word in words if word in everything]
        found = [
            (text, node)
            for word in (present if words else ("",))
            for text, node in literals
            if word in text and len(text) >= least
        ]
        for text, node in dict.fromkeys(found):
            check(site, node, text)
