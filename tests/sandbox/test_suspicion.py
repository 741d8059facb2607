"""A library that ends its process for want of memory leaves a hint, and no claim."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy
import pytest

from lockgate_sandbox import (
    MemoryLimitError,
    Policy,
    RemoteError,
    StartError,
    Tier,
    WorkerDiedError,
)
from lockgate_sandbox._watch.claims import Claims
from lockgate_sandbox._watch.suspicion import suspicion
from lockgate_sandbox.tiers import Limits
from tests.support.sandbox import Lab, policy, run

_LIMITS = Limits.for_tier(Tier.READ_ONLY)
_MEMORY = "`memory_bytes`"
_EITHER = "`memory_bytes` or `processes`"


@pytest.mark.parametrize(
    ("said", "more"),
    [
        ("OpenBLAS error: Memory allocation still failed after 10 retries.", _MEMORY),
        ("terminate called after throwing an instance of 'std::bad_alloc'", _MEMORY),
        ("fatal: Out of memory, malloc failed (tried 8 bytes)", _MEMORY),
        ("runtime: cannot allocate 4096 bytes", _MEMORY),
        ("OpenBLAS blas_thread_init: pthread_create failed for thread 1", _EITHER),
        ("malloc(): memory corruption", ""),
        ("Segmentation fault", ""),
        ("out of memory" + "." * 5000, ""),  # long ago
        ("", ""),
    ],
)
def test_what_was_printed_last_is_a_reason_to_suspect(said: str, more: str) -> None:
    names, hint = suspicion(said, _LIMITS)

    assert [f"`{name}`" for name in names] == (more.split(" or ") if more else [])
    assert hint.endswith(f"; a policy with more {more}") if more else hint == ""
    assert not more or f"{_LIMITS.memory_bytes:,} bytes" in hint


_SITE = str(Path(numpy.__file__).parents[1])
_LITTLE = policy(limits={"memory_bytes": 64 << 20})
_HINT = "likely for want of memory, as it printed: it has 67,108,864 bytes"


@pytest.mark.kernel
def test_numpy_without_memory_ends_its_worker_with_a_hint(lab: Lab) -> None:
    with (
        lab.sandbox.worker(
            _LITTLE, target="lab_target:build", path=[str(lab.folder), _SITE]
        ) as worker,
        pytest.raises(WorkerDiedError) as caught,
    ):
        worker.call("import numpy")

    assert caught.value.status == 1
    assert caught.value.suspects == ("memory_bytes",)
    assert caught.value.hint.startswith(_HINT)
    assert "Memory allocation" in caught.value.output


@pytest.mark.kernel
def test_so_does_numpy_that_is_preloaded(lab: Lab) -> None:
    with pytest.raises(StartError, match="the zygote ended: exit status 1") as caught:
        lab.sandbox.worker(
            _LITTLE,
            target="lab_target:build",
            path=[str(lab.folder), _SITE],
            preload=("numpy",),
        )

    assert caught.value.hint.startswith(_HINT)
    assert "Memory allocation" in caught.value.output


@pytest.mark.kernel
def test_what_a_worker_prints_that_ends_for_another_reason_is_no_reason(
    lab: Lab,
) -> None:
    for code, hinted in (
        ("import os; os.write(2, b'out of memory'); os._exit(0)", False),
        ("import os; os.write(2, b'out of luck'); os._exit(1)", False),
        ("import os; os.write(2, b'out of memory'); os.abort()", True),
    ):
        with pytest.raises(WorkerDiedError) as caught:
            lab.run(_LITTLE, code)
        assert ("memory" in caught.value.hint) is hinted, code


_FULL = """
import mmap, resource
limit = resource.getrlimit(resource.RLIMIT_DATA)[0]
with open("/proc/self/statm") as file:
    used = int(file.read().split()[5]) * mmap.PAGESIZE  # data, and the stack
kept = mmap.mmap(-1, limit - used - (1 << 20), mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
import numpy
"""


@pytest.mark.kernel
def test_a_library_that_has_no_room_is_told_as_the_limit_that_it_is(
    lab_without: Callable[..., Lab],
) -> None:
    open_lab = lab_without("landlock")  # so that it can read how much it has
    with (
        open_lab.sandbox.worker(
            policy(), target="lab_target:build", path=[str(open_lab.folder), _SITE]
        ) as worker,
        pytest.raises(MemoryLimitError) as caught,
    ):
        worker.call(_FULL)

    assert caught.value.claimed
    assert isinstance(caught.value.__cause__, RemoteError)
    assert caught.value.__cause__.type == "ImportError"


@pytest.mark.parametrize(
    ("said", "limit"),
    [
        ("lib.so: failed to map segment from shared object", "memory_bytes"),
        ("lib.so: cannot map zero-fill pages", "memory_bytes"),
        ("/lib.so: cannot create shared object descriptor", "memory_bytes"),
        ("lib.so: cannot allocate memory in static TLS block", ""),
        ("lib.so: cannot open shared object file: No such file or directory", ""),
        ("/gone/lib.so: failed to map segment from shared object", ""),
    ],
)
def test_what_the_loader_says_tells_whether_it_wanted_memory(
    said: str, limit: str
) -> None:
    wrapped = ImportError(f"Original error was: {said}\n")
    assert Claims(None, sized=False).limit_of(wrapped) == limit


_ON_SCRATCH = """
import _ctypes_test, os, shutil, sys
path = os.path.join(session.scratch, "copied.so")
shutil.copy(_ctypes_test.__file__, path)
from importlib.machinery import ExtensionFileLoader, ModuleSpec
loader = ExtensionFileLoader("_ctypes_test", path)
loader.create_module(ModuleSpec("_ctypes_test", loader, origin=path))
"""


@pytest.mark.kernel
def test_a_library_on_a_mount_that_executes_nothing_wants_no_memory(lab: Lab) -> None:
    given = Policy.for_tier("basic")
    with lab.worker(given) as worker:
        if worker.posture["scratch"].state != "active":
            pytest.skip("no mount of its own for the scratch folder here")
        with pytest.raises(RemoteError, match="failed to map segment") as caught:
            run(worker, _ON_SCRATCH)

    assert caught.value.type == "ImportError"
