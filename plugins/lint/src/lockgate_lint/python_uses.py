"""How MicroPython code uses pins, found out without running it.

The module's statements are followed as they would run: calls into its own
functions and classes with their arguments, loops over constant sequences once
per element, every other loop once, both branches of a test whose outcome only
shows at run time. So ``Button(2, Pin.PULL_UP)`` is seen to pull pin 2 up, though
``Pin(...)`` itself stands in the class.
"""

from __future__ import annotations

import ast
import warnings
from collections.abc import Mapping

from lockgate_lint.python_values import (
    UNKNOWN,
    Bound,
    Class,
    Function,
    Instance,
    Items,
    Machine,
    PinObject,
    Table,
    combine,
    compare,
    located,
    place_of,
)
from lockgate_lint.uses import Action, PinUse

__all__ = ["python_uses"]

_STEP_LIMIT = 50_000
"""Statements and expressions followed; generated firmware takes about 2,000."""
_CALL_DEPTH = 16
_READS = frozenset({"value", "__call__"})
_WRITES = frozenset({"on", "off", "high", "low", "toggle", "init"})


_ACTIONS: Mapping[str, Action] = {
    "machine.Pin": "mode",
    "machine.Signal": "mode",
    "machine.ADC": "analog",
    "machine.PWM": "pwm",
}


class _TooMuchError(Exception):
    """The code is too long or too deep to be followed."""


class _Follower:
    """Follows one module and notes each use of a pin."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.uses: list[PinUse] = []
        self.globals: dict[str, object] = {}
        self.steps = 0
        self.depth = 0

    # Statements. A block gives what it returns; UNKNOWN is "it runs on".

    def block(self, body: list[ast.stmt], names: dict[str, object]) -> object:
        for statement in body:
            self.step()
            answer = self.statement(statement, names)
            if answer is not UNKNOWN:
                return answer
        return UNKNOWN

    def statement(self, node: ast.stmt, names: dict[str, object]) -> object:
        match node:
            case ast.Assign():
                value = self.value(node.value, names)
                for target in node.targets:
                    self.bind(target, value, names)
            case ast.AnnAssign():
                value = self.value(node.value, names) if node.value else UNKNOWN
                self.bind(node.target, value, names)
            case ast.AugAssign():
                self.value(node.value, names)
                self.bind(node.target, UNKNOWN, names)
            case ast.Expr():
                self.value(node.value, names)
            case ast.Return():
                return self.value(node.value, names) if node.value else None
            case ast.If():
                return self.branch(node, names)
            case ast.With() | ast.AsyncWith():
                for item in node.items:
                    self.value(item.context_expr, names)
                return self.block(node.body, names)
            case ast.For() | ast.AsyncFor() | ast.While() | ast.Try():
                self.flow(node, names)
            case _:
                self.define(node, names)
        return UNKNOWN

    def define(self, node: ast.stmt, names: dict[str, object]) -> None:
        match node:
            case ast.Import():
                for alias in node.names:
                    if alias.name in ("machine", "umachine"):
                        names[alias.asname or alias.name] = Machine("machine")
            case ast.ImportFrom(module="machine" | "umachine"):
                for alias in node.names:
                    name = Machine(f"machine.{alias.name}")
                    names[alias.asname or alias.name] = name
            case ast.FunctionDef() | ast.AsyncFunctionDef():
                names[node.name] = Function(node)
            case ast.ClassDef():
                made = Class(node)
                self.block(node.body, made.names)
                names[node.name] = made
            case _:
                pass

    def flow(
        self,
        node: ast.For | ast.AsyncFor | ast.While | ast.Try,
        names: dict[str, object],
    ) -> None:
        match node:
            case ast.While():
                self.value(node.test, names)
                self.block(node.body, names)
            case ast.Try():
                self.block(node.body, names)
                for handler in node.handlers:
                    self.block(handler.body, names)
                self.block(node.orelse + node.finalbody, names)
            case _:
                over = self.value(node.iter, names)
                items: list[object] = [UNKNOWN]
                if isinstance(over, Items):
                    items = over.values
                elif isinstance(over, Table):
                    items = list(over.values)
                for item in items:
                    self.bind(node.target, item, names)
                    self.block(node.body, names)

    def branch(self, node: ast.If, names: dict[str, object]) -> object:
        outcome = self.truth(node.test, names)
        if outcome is not None:
            return self.block(node.body if outcome else node.orelse, names)
        self.block(node.body, names)
        self.block(node.orelse, names)
        return UNKNOWN

    def bind(self, target: ast.expr, value: object, names: dict[str, object]) -> None:
        match target:
            case ast.Name():
                names[target.id] = value
            case ast.Attribute():
                owner = self.value(target.value, names)
                if isinstance(owner, Instance):
                    owner.names[target.attr] = value
            case ast.Tuple() | ast.List():
                items = value.values if isinstance(value, Items) else []
                for index, part in enumerate(target.elts):
                    item = items[index] if index < len(items) else UNKNOWN
                    self.bind(part, item, names)
            case _:
                pass

    # Expressions.

    def step(self) -> None:
        self.steps += 1
        if self.steps > _STEP_LIMIT:
            raise _TooMuchError

    def truth(self, test: ast.expr, names: dict[str, object]) -> bool | None:
        value = self.value(test, names)
        return bool(value) if isinstance(value, int | str | type(None)) else None

    def value(self, node: ast.expr, names: dict[str, object]) -> object:
        self.step()
        match node:
            case ast.Constant():
                return located(node)
            case ast.Name():
                return names.get(node.id, self.globals.get(node.id, UNKNOWN))
            case ast.Attribute():
                return self.attribute(self.value(node.value, names), node.attr)
            case ast.Tuple() | ast.List():
                return Items([self.value(item, names) for item in node.elts])
            case ast.Dict():
                return self.table(node, names)
            case ast.Subscript():
                return self.element(node, names)
            case ast.BinOp():
                left, right = (self.value(n, names) for n in (node.left, node.right))
                return combine(node.op, left, right)
            case ast.UnaryOp(op=ast.USub()):
                value = self.value(node.operand, names)
                return -value if isinstance(value, int) else UNKNOWN
            case ast.Compare(ops=[op], comparators=[other]):
                left, right = self.value(node.left, names), self.value(other, names)
                return compare(op, left, right)
            case ast.IfExp():
                return self.choice(node, names)
            case ast.Call():
                return self.call(node, names)
            case _:
                for child in ast.iter_child_nodes(node):
                    if isinstance(child, ast.expr):
                        self.value(child, names)
                return UNKNOWN

    def choice(self, node: ast.IfExp, names: dict[str, object]) -> object:
        outcome = self.truth(node.test, names)
        if outcome is not None:
            return self.value(node.body if outcome else node.orelse, names)
        self.value(node.body, names)
        self.value(node.orelse, names)
        return UNKNOWN

    def table(self, node: ast.Dict, names: dict[str, object]) -> Table:
        made: dict[int | str, object] = {}
        for key, item in zip(node.keys, node.values, strict=True):
            name = self.value(key, names) if key else UNKNOWN
            value = self.value(item, names)
            if isinstance(name, int | str):
                made[name] = value
        return Table(made)

    def element(self, node: ast.Subscript, names: dict[str, object]) -> object:
        owner, key = self.value(node.value, names), self.value(node.slice, names)
        if isinstance(owner, Table) and isinstance(key, int | str):
            return owner.values.get(key, UNKNOWN)
        if isinstance(owner, Items) and isinstance(key, int):
            within = -len(owner.values) <= key < len(owner.values)
            return owner.values[key] if within else UNKNOWN
        return UNKNOWN

    def attribute(self, owner: object, name: str) -> object:
        match owner:
            case Machine():
                return Machine(f"{owner.name}.{name}")
            case PinObject():
                return Bound(owner, name)
            case Instance():
                if name in owner.names:
                    return owner.names[name]
                found = owner.kind.names.get(name, UNKNOWN)
                if isinstance(found, Function):
                    return Function(found.node, owner)
                return found
            case Class():
                return owner.names.get(name, UNKNOWN)
            case _:
                return UNKNOWN

    # Calls.

    def call(self, node: ast.Call, names: dict[str, object]) -> object:
        target = self.value(node.func, names)
        given: list[object] = []
        for argument in node.args:
            if isinstance(argument, ast.Starred):
                spread = self.value(argument.value, names)
                given += spread.values if isinstance(spread, Items) else [UNKNOWN]
            else:
                given.append(self.value(argument, names))
        named = {k.arg: self.value(k.value, names) for k in node.keywords if k.arg}
        match target:
            case Machine():
                return self.machine(target.name, node, given, named)
            case Bound():
                return self.method(target, node, given, named)
            case PinObject():
                return self.method(Bound(target, "__call__"), node, given, named)
            case Function():
                me: list[object] = [] if target.me is None else [target.me]
                return self.run(target.node, me + given, named)
            case Class():
                made = Instance(target)
                start = target.names.get("__init__")
                if isinstance(start, Function):
                    self.run(start.node, [made, *given], named)
                return made
            case _:
                # const(13) is how MicroPython marks a constant; int() keeps it one.
                wrapper = isinstance(node.func, ast.Name) and len(given) == 1
                keeps = wrapper and ast.unparse(node.func) in ("const", "int")
                return given[0] if keeps else UNKNOWN

    def run(
        self,
        node: ast.FunctionDef | ast.AsyncFunctionDef,
        given: list[object],
        named: dict[str, object],
    ) -> object:
        if self.depth >= _CALL_DEPTH:
            return UNKNOWN
        parameters = [a.arg for a in (*node.args.posonlyargs, *node.args.args)]
        defaults = [self.value(d, self.globals) for d in node.args.defaults]
        local: dict[str, object] = dict.fromkeys(parameters, UNKNOWN)
        if defaults:
            local.update(zip(parameters[-len(defaults) :], defaults, strict=True))
        local.update(zip(parameters, given, strict=False))
        local.update(named)
        self.depth += 1
        try:
            return self.block(node.body, local)
        finally:
            self.depth -= 1

    def machine(
        self, name: str, node: ast.Call, given: list[object], named: dict[str, object]
    ) -> object:
        if name == "machine.UART":
            for argument in ("tx", "rx"):
                if argument in named:
                    self.note("serial", named[argument], node)
            return UNKNOWN
        action = _ACTIONS.get(name)
        if action is None:
            return UNKNOWN
        first = given[0] if given else named.get("id", UNKNOWN)
        mode = ""
        if name == "machine.Pin":
            at = dict(enumerate(given))
            mode = _mode(named.get("mode", at.get(1)), named.get("pull", at.get(2)))
        return self.note(action, first, node, mode)

    def method(
        self,
        bound: Bound,
        node: ast.Call,
        given: list[object],
        named: dict[str, object],
    ) -> object:
        if bound.name == "init":
            mode = _mode(
                named.get("mode", given[0] if given else None), named.get("pull")
            )
            return self.note("mode", bound.pin, node, mode)
        if bound.name in _WRITES or (bound.name in _READS and (given or named)):
            self.note("write", bound.pin, node)
        elif bound.name in _READS:
            self.note("read", bound.pin, node)
        return UNKNOWN

    def note(
        self, action: Action, pin: object, node: ast.expr, mode: str = ""
    ) -> PinObject:
        if isinstance(pin, PinObject):
            name = pin.pin
        elif isinstance(pin, int | str) and not isinstance(pin, bool):
            name = str(pin)
        else:
            name, action = "", "unresolved"
        line, column = place_of(pin, node)
        self.uses.append(PinUse(action, name, self.path, line, column, mode))
        return PinObject(name)


def _mode(mode: object, pull: object) -> str:
    """The contract's word for a pair of MicroPython's."""
    if isinstance(mode, Machine):
        word = mode.name.rpartition(".")[2]
        if word in ("OUT", "OPEN_DRAIN"):
            return "output"
        if word == "IN":
            up = isinstance(pull, Machine) and pull.name.endswith("PULL_UP")
            return "input_pullup" if up else "input"
    return ""


def python_uses(path: str, text: str) -> list[PinUse]:
    """Each use of a pin in MicroPython `text`; nothing if it does not parse.

    Code that is too much to follow gives what was found so far and one
    ``unresolved`` use.
    """
    try:
        with warnings.catch_warnings():
            # A "\\d" in the firmware is ruff's business (W605), no news for us.
            warnings.simplefilter("ignore")
            module = ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return []
    follower = _Follower(path)
    try:
        follower.block(module.body, follower.globals)
    except (_TooMuchError, RecursionError):
        follower.uses.append(PinUse("unresolved", "", path, 1))
    return list(dict.fromkeys(follower.uses))
