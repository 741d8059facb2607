"""Targets that lie while they are built, and libraries that do before there is a call.

The seal is told before the first foreign byte; whatever speaks of it later, or answers
what nobody has asked, costs its worker its life. A reader that checks nothing (`naive`)
takes the first frame that comes for what it waits for.
"""

from __future__ import annotations

import itertools
import textwrap
import time
from typing import Any

from lockgate_sandbox import (
    MessageLimitError,
    ProtocolError,
    SandboxError,
    StartError,
    Worker,
    WorkerDiedError,
)
from tests.sandbox.attacks.families import naive
from tests.sandbox.attacks.families.field import Attack, Field
from tests.support.sandbox import alive, wait_until

__all__ = ["ATTACKS", "LIAR", "LIBRARY", "TOGETHER", "TOLD"]

TOGETHER = 8

LIAR = """
    import time
    def build(session):
        channel, call = session._channel, session._now.call
        {lie}
        return lambda method, arguments: "honest"
"""

LIBRARY = """
    import gc
    nest = next(one for one in gc.get_objects() if type(one).__name__ == "Nest")
    plain = nest._work
    def work():
        nest._channel.send({frame})
        plain()
    nest._work = work
"""

_MODULES = itertools.count()


def _lies(
    lie: str, believed: Any, *errors: type[SandboxError], library: str = ""
) -> Attack:
    """`believed` is the first answer for who trusts; ours raises one of `errors`.

    It is the target that lies, or a `library` that was loaded before.
    """

    def attack(field: Field) -> bool:
        with _liar(field, lie, library) as worker:
            if field.held:
                return not _is_ended(worker, errors or (ProtocolError,))
            late = worker.line.late
            assert late is not None
            late.send(None, time.monotonic())
            made = naive.what_it_makes_of(lambda: naive.value_of(naive.read(worker)))
        assert made == believed, made
        return True

    return attack


def _liar(field: Field, lie: str, library: str) -> Worker:
    lab, number = field.lab(), next(_MODULES)
    target, loaded = f"liar_{number}", f"library_{number}"
    lab.write(target, textwrap.dedent(LIAR).format(lie=f"{lie}; time.sleep(60)"))
    if library:
        lab.write(loaded, textwrap.dedent(LIBRARY).format(frame=library))
    return lab.sandbox.worker(
        field.policy(),
        target=f"{target}:build",
        path=[str(lab.folder)],
        preload=[loaded] if library else [],
        lazy=True,
    )


def _is_ended(worker: Worker, errors: tuple[type[SandboxError], ...]) -> bool:
    sealed = worker.posture
    try:
        worker.call("any")
    except errors as error:
        believed = "switch it off" in error.hint or worker.posture is not sealed
        return not believed and wait_until(lambda: not alive(worker.pid))
    return False


TOLD = {"layer": "landlock", "detail": "gone", "remedy": "switch it off"}

ATTACKS: dict[str, Attack] = {
    "tell a seal": _lies("channel.send([5, bytes(8), ['all', 1]])", ["all", 1]),
    "tell a seal as the answer": _lies(
        "channel.send([5, call, ['all', 1]])", ["all", 1]
    ),
    "tell that a layer failed": _lies(
        f"channel.send([6, call, 'layer', {TOLD}])", TOLD, StartError
    ),
    "answer another's call": _lies("channel.send([7, bytes(8), 'forged'])", "forged"),
    "answer a longer id": _lies("channel.send([7, call * 2, 'forged'])", "forged"),
    "raise in another's call": _lies(
        "channel.send([8, b'x' * 8, 'OSError', 'no', '', 'forged'])", "forged"
    ),
    "call its host": _lies("channel.send([2, call, 'forged'])", "forged"),
    "ask out of order": _lies("channel.send([9, call, 7, 'a', {}])", {}),
    "send an item": _lies("channel.send([13, call, 1])", 1),
    "send garbage": _lies(
        "channel.socket.send(b'\\xff' * 8)",
        "waits",
        ProtocolError,
        MessageLimitError,
        WorkerDiedError,
    ),
    "answer from a library": _lies("pass", "forged", library="[7, b'x' * 8, 'forged']"),
    "tell a seal from a library": _lies(
        "pass", ["all", 1], library="[5, bytes(8), ['all', 1]]"
    ),
}
