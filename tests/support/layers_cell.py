"""A process that seals children of its own and lets them attack it.

Executed, never imported by tests: ``python -I -S layers_cell.py PACKAGE UID``.
It becomes UID (if not -1), then reads one job per line from standard input and
answers each with one line of JSON. It is the host of all attacks: it holds the
secret file, the open descriptor, the listening sockets and the environment that
a sealed child must not get at.
"""

# It runs before and inside the seal, where pathlib is not loaded.
# ruff: noqa: PTH101, PTH102, PTH103, PTH116, PTH118, PTH120, PTH123, PTH211

from __future__ import annotations

import contextlib
import importlib
import json
import os
import resource
import shutil
import signal
import socket
import sys
import tempfile
import time
import traceback
import types
from typing import Any

SPACES = ("user", "net", "ipc", "mnt", "pid")
"""The kinds of namespaces that a sandbox may enter, as /proc names them."""


def main() -> None:
    package, uid = sys.argv[1], int(sys.argv[2])
    if uid >= 0:
        os.setgroups([])
        os.setresgid(uid, uid, uid)
        os.setresuid(uid, uid, uid)
        # As execve would leave it: /proc/self belongs to the new uid.
        import ctypes

        ctypes.CDLL(None).prctl(4, 1, 0, 0, 0)
    module = types.ModuleType("lockgate_sandbox")
    module.__path__ = [package]
    sys.modules["lockgate_sandbox"] = module
    folder = os.path.dirname(package)
    sys.path.append(folder)
    os.umask(0o022)
    resource.setrlimit(
        resource.RLIMIT_NOFILE, (1024, resource.getrlimit(resource.RLIMIT_NOFILE)[1])
    )
    ground = tempfile.mkdtemp(prefix=f"lockgate-cell-{os.getpid()}-")
    os.chmod(ground, 0o755)
    try:
        host, keep = open_host(ground)
        print(json.dumps({"ready": host}), flush=True)
        workers: Any = None
        for line in sys.stdin:
            job = json.loads(line)
            restore(host)
            if job.get("worker"):
                if workers is None:
                    module = importlib.import_module("layers_worker")
                    workers = module.Workers(host, folder, lambda: restore(host))
                told = workers.answer(job)
            else:
                told = answer(job, host, ground)
            print(json.dumps(told), flush=True)
        if workers is not None:
            workers.close()
        del keep
    finally:
        shutil.rmtree(ground, ignore_errors=True)


def open_host(ground: str) -> tuple[dict[str, Any], list[Any]]:
    """What there is to attack, and the objects that keep it alive."""
    granted = os.path.join(ground, "granted")
    os.mkdir(granted, 0o755)
    secret = os.path.join(ground, "secret")
    with open(secret, "w") as file:
        file.write("the host's secret")
    os.symlink(secret, os.path.join(granted, "link"))
    with open(os.path.join(granted, "public"), "w") as file:
        file.write("public")
    # Closed to everybody else, as a home folder often is.
    closed = os.path.join(ground, "closed")
    for name in ("inner", "other", "hidden"):
        os.makedirs(os.path.join(closed, name))
        with open(os.path.join(closed, name, "file"), "w") as file:
            file.write(name)
    os.chmod(closed, 0o700)
    inherited = os.open(secret, os.O_RDONLY)
    tcp = socket.create_server(("127.0.0.1", 0), backlog=64)
    udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    udp.bind(("127.0.0.1", 0))
    abstract = socket.socket(socket.AF_UNIX)
    abstract_name = f"\0lockgate-{os.getpid()}"
    abstract.bind(abstract_name)
    abstract.listen(64)
    stream = socket.socket(socket.AF_UNIX)
    stream_path = os.path.join(granted, "stream")
    stream.bind(stream_path)
    stream.listen(64)
    datagram = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    datagram_path = os.path.join(granted, "datagram")
    datagram.bind(datagram_path)
    datagram.setblocking(False)
    for path in (stream_path, datagram_path):
        os.chmod(path, 0o777)
    host = {
        "pid": os.getpid(),
        "uid": os.getuid(),
        "ground": ground,
        "granted": granted,
        "secret": secret,
        "closed": closed,
        "inherited": inherited,
        "tcp": tcp.getsockname()[1],
        "udp": udp.getsockname()[1],
        "abstract": abstract_name,
        "stream": stream_path,
        "datagram": datagram_path,
        "handle": handle(secret),
        "spaces": {name: os.stat(f"/proc/self/ns/{name}").st_ino for name in SPACES},
    }
    return host, [tcp, udp, abstract, stream, datagram]


def handle(path: str) -> str:
    """By what the kernel opens a file without a path: hexadecimal; "" if it can't."""
    import ctypes

    room, mount = (ctypes.c_uint32 * 34)(128), ctypes.c_int()
    name = path.encode()
    call = ctypes.CDLL(None).name_to_handle_at
    if call(-100, name, room, ctypes.byref(mount), 0):
        return ""
    return bytes(room)[: 8 + room[0]].hex()


def restore(host: dict[str, Any]) -> None:
    """Have the secret be what it was, whatever an attack made of it."""
    with open(host["secret"], "w") as file:
        file.write("the host's secret")
    os.chmod(host["secret"], 0o644)
    with contextlib.suppress(OSError):  # a file system without any
        os.setxattr(host["secret"], "user.x", b"told")


def answer(job: dict[str, Any], host: dict[str, Any], ground: str) -> dict[str, Any]:
    """Seal a child as `job` says, run its code, tell how it went."""
    from lockgate_sandbox._seal import enforce
    from lockgate_sandbox._seal import plan as _plan
    from lockgate_sandbox.policy import Policy

    if job.get("probe"):
        return {"capabilities": _plan.probe().to_dict()}
    policy = Policy.from_dict(job["policy"])
    scratch = tempfile.mkdtemp(dir=ground) if job.get("scratch") else None
    group = None
    if job.get("group"):
        group = _plan.open_group(policy, _plan.probe())
    try:
        plan = enforce.prepare(
            policy,
            job["modes"],
            path=job.get("path", []),
            scratch=scratch,
            group=group,
            abi=job.get("abi"),
            capabilities=capabilities(job),
        )
        # Where it has no folder of its own it tries everybody's.
        space = {"host": host, "scratch": scratch or tempfile.gettempdir()}
        return run(plan, job, space)
    finally:
        if group is not None:
            group.close()
        if scratch is not None:
            shutil.rmtree(scratch, ignore_errors=True)


def capabilities(job: dict[str, Any]) -> Any:
    """What `job` pretends this machine can do, or nothing: then it is probed."""
    from lockgate_sandbox._seal import plan as _plan

    given = job.get("capabilities")
    if given is None:
        return None
    parents: list[list[str]] = given["cgroup_parents"]
    given["cgroup_parents"] = tuple((pair[0], pair[1]) for pair in parents)
    return _plan.Capabilities(**given)


def run(plan: Any, job: dict[str, Any], space: dict[str, Any]) -> dict[str, Any]:
    """Fork, wait, report: posture, result, exception, status or signal."""
    reader, writer = os.pipe()
    started = time.monotonic()
    pid = os.fork()
    if not pid:
        os.close(reader)
        try:
            if job.get("zygote"):
                status = as_zygote(plan, job, space, writer)
                if os.WIFSIGNALED(status):
                    os.kill(os.getpid(), os.WTERMSIG(status))
                os._exit(os.WEXITSTATUS(status))
            child(plan, job, space, writer)
        finally:
            os._exit(70)
    os.close(writer)
    with os.fdopen(reader, "rb") as pipe:
        text = pipe.read()
    _, status = os.waitpid(pid, 0)
    with contextlib.suppress(OSError):
        os.killpg(pid, signal.SIGKILL)
    report: dict[str, Any] = {"pid": pid, "seconds": time.monotonic() - started}
    for line in text.splitlines():
        fields = json.loads(line)
        if "attempt" in fields:  # one of many
            report.setdefault("attempts", {})[fields.pop("attempt")] = fields
        else:
            report.update(fields)
    if os.WIFSIGNALED(status):
        report["signal"] = os.WTERMSIG(status)
    else:
        report["status"] = os.WEXITSTATUS(status)
    return report


def as_zygote(plan: Any, job: dict[str, Any], space: dict[str, Any], out: int) -> int:
    """Enter namespaces as a zygote does, fork the child, give its status."""
    from lockgate_sandbox._seal.plan import interpreter_paths
    from lockgate_sandbox.linux import namespaces

    uncovered = [*interpreter_paths(), *job.get("uncover", [])]
    namespaces.enter_zygote_namespaces(uncovered)
    pid = os.fork()
    if not pid:
        child(plan, job, space, out)
    os.close(out)
    return os.waitpid(pid, 0)[1]


def child(plan: Any, job: dict[str, Any], space: dict[str, Any], out: int) -> None:
    """Seal, run the code or one code after another, report; never returns."""
    from lockgate_sandbox._seal.enforce import seal
    from lockgate_sandbox.linux._libc import raw_syscall, syscall
    from lockgate_sandbox.posture import LayerError

    def tell(**fields: Any) -> None:
        os.write(out, json.dumps(fields, default=repr).encode() + b"\n")

    attempt = importlib.import_module("layers_target").attempt
    codes = [compile(text, "<attack>", "exec") for text in job.get("codes", [])]
    code = compile(job.get("code", ""), "<attack>", "exec")
    space |= {"syscall": syscall, "raw_syscall": raw_syscall, "tell": tell}
    if job.get("break_mounts"):
        from lockgate_sandbox.linux import namespaces

        def refuse(*_: object, **__: object) -> None:
            raise PermissionError(1, "as in a container")

        namespaces.own_mounts = refuse
    null = os.open("/dev/null", os.O_RDWR)
    for fd in (0, 1, 2):
        os.dup2(null, fd)
    try:
        posture = seal(plan, keep_fds=[out])
    except LayerError as error:
        tell(layer_error=error.to_dict())
        os._exit(71)
    except BaseException:
        tell(seal_error=traceback.format_exc())
        os._exit(72)
    tell(posture=posture.to_dict())
    if not codes:
        tell(**attempt(code, space))
    for number, one in enumerate(codes):
        tell(attempt=number, **attempt(one, dict(space)))
        os.chdir("/")
    os._exit(0)


if __name__ == "__main__":
    main()
