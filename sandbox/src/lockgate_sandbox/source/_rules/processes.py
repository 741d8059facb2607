"""Programs, processes and threads."""

from __future__ import annotations

import ast

from lockgate_sandbox.source._site import Family, Site, argument
from lockgate_sandbox.source.findings import Level, Right, Rule

__all__ = ["FAMILY"]

PROGRAM = Rule(
    "program", Level.WARNING, "Starts programs of the machine.", Right.PROGRAM
)
SHELL = Rule(
    "shell",
    Level.WARNING,
    "Gives a text to a shell, which runs whatever the text says.",
    Right.PROGRAM,
)
PROCESS = Rule("process", Level.WARNING, "Starts processes of its own.", Right.PROCESS)
SIGNAL = Rule(
    "signal",
    Level.WARNING,
    "Sends signals to processes, or changes what they do to this one.",
    Right.PROCESS,
)
THREAD = Rule("thread", Level.NOTE, "Starts threads.", Right.THREAD)

_SHELLS = (
    "os.system", "os.popen", "subprocess.getoutput", "subprocess.getstatusoutput",
    "asyncio.create_subprocess_shell", "commands.getoutput", "popen2.popen2",
    "os.startfile",
)  # fmt: skip
_PROGRAMS = (
    *(f"os.exec{end}" for end in ("l", "le", "lp", "lpe", "v", "ve", "vp", "vpe")),
    *(f"os.spawn{end}" for end in ("l", "le", "lp", "lpe", "v", "ve", "vp", "vpe")),
    "os.posix_spawn", "os.posix_spawnp", "asyncio.create_subprocess_exec",
    "_posixsubprocess.fork_exec", "_winapi.CreateProcess", "os.popen2", "os.popen3",
    "pty.spawn",
)  # fmt: skip
_RUNNERS = (
    "subprocess.run", "subprocess.call", "subprocess.check_call",
    "subprocess.check_output", "subprocess.Popen",
)  # fmt: skip
_FORKS = ("os.fork", "os.forkpty", "pty.fork", "concurrent.futures.ProcessPoolExecutor")
_SIGNALS = (
    "os.kill", "os.killpg", "signal.pidfd_send_signal", "signal.pthread_kill",
    "os.setpgid", "os.setsid", "os.setuid", "os.setgid", "os.setresuid", "os.chroot",
    "os.unshare", "os.setns", "os.pidfd_open", "os.nice", "resource.setrlimit",
    "resource.prlimit", "os.sched_setaffinity",
)  # fmt: skip


def _run(site: Site, node: ast.Call, name: str) -> None:
    shell = argument(node, 99, "shell")
    if shell is not None and not (isinstance(shell, ast.Constant) and not shell.value):
        site.report(SHELL, node, f"{name} with a shell", "sh")
        return
    site.report(PROGRAM, node, f"a program by {name}", _program(site, node))


def _program(site: Site, node: ast.Call) -> str:
    given = argument(node, 0, "args")
    if given is None:
        return ""
    given = site.value(given)
    if isinstance(given, ast.List | ast.Tuple):
        given = given.elts[0] if given.elts else None
    return (site.text(given) or "").partition(" ")[0]


FAMILY = Family(
    rules=(PROGRAM, SHELL, PROCESS, SIGNAL, THREAD),
    modules={
        "subprocess": PROGRAM,
        "_posixsubprocess": PROGRAM,
        "popen2": PROGRAM,
        "commands": PROGRAM,
        "pexpect": PROGRAM,
        "sh": PROGRAM,
        "distutils": PROGRAM,
        "plumbum": PROGRAM,
        "invoke": PROGRAM,
        "pty": PROCESS,
        "multiprocessing": PROCESS,
        "_multiprocessing": PROCESS,
        "concurrent.futures.process": PROCESS,
        "daemon": PROCESS,
        "loky": PROCESS,
        "psutil": SIGNAL,
        "resource": SIGNAL,
        "threading": THREAD,
        "_thread": THREAD,
        "concurrent.futures": THREAD,
        "concurrent.futures.thread": THREAD,
        "multiprocessing.dummy": THREAD,
    },
    names={
        **dict.fromkeys(_SHELLS, SHELL),
        **dict.fromkeys(_PROGRAMS, PROGRAM),
        **dict.fromkeys(_FORKS, PROCESS),
        **dict.fromkeys(_SIGNALS, SIGNAL),
        "asyncio.to_thread": THREAD,
    },
    calls=dict.fromkeys(_RUNNERS, _run),
)
