"""Tricks of the language: whatever they reach, the kernel still refuses."""

from __future__ import annotations

from tests.sandbox.attacks.catalogue.attack import Attack

__all__ = ["ATTACKS"]


def _reads(name: str, code: str) -> Attack:
    """A way of reading a file in which no call to `open` can be seen."""
    return Attack(name, code, ("landlock",))


def _starts(name: str, code: str, *reach: str) -> Attack:
    """A way of starting a program in which nothing of `os` can be seen."""
    return Attack(name, code, ("seccomp", "landlock"), reach=reach)


ATTACKS = (
    _starts(
        "walk the subclasses to a shell",
        """
        kinds = ().__class__.__base__.__subclasses__()
        found = next(k for k in kinds if k.__name__ == "_wrap_close")
        result = found.__init__.__globals__["system"]("exit 7") == 7 << 8
        """,
    ),
    _starts(
        "unpickle a shell",
        """
        import pickle
        result = pickle.loads(b"cposix\\nsystem\\n(S'exit 7'\\ntR.") == 7 << 8
        """,
    ),
    _starts(
        "start a program by the private helper of subprocess",
        """
        import _posixsubprocess, os
        reader, writer = os.pipe()
        arguments = [[b"true"], [b"/bin/true"], True, (writer,), None, None,
                     -1, -1, -1, -1, -1, -1, reader, writer, False, False,
                     -1, None, None, None, -1, None]
        import sys
        if sys.version_info < (3, 14):
            arguments.append(False)
        pid = _posixsubprocess.fork_exec(*arguments)
        result = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
        """,
        "programs",
    ),
    _starts(
        "take an import apart that hides what it imports",
        """
        name = bytes(b ^ 1 for b in b"nr").decode()
        module = __builtins__["__import__"](name)
        result = getattr(module, "metsys"[::-1])("exit 7") == 7 << 8
        """,
    ),
    _reads(
        "load a host file as if it were a module",
        """
        from importlib.machinery import SourceFileLoader
        result = SourceFileLoader("x", host["secret"]).get_data(host["secret"])
        """,
    ),
    _reads(
        "read a host file through the raw layer of io",
        "import io; result = io.FileIO(host['secret']).readall()",
    ),
    _reads(
        "read a host file as code to be opened",
        "import io; result = io.open_code(host['secret']).read()",
    ),
    _reads(
        "read a host file for its lines in a traceback",
        "import linecache; result = linecache.getlines(host['secret'])",
    ),
    _reads(
        "read a host file by a hook of open",
        """
        import os
        def elsewhere(*_):
            return os.open(host["secret"], os.O_RDONLY)
        result = open("x", opener=elsewhere).read()
        """,
    ),
    _reads(
        "read a host file with the C library",
        """
        import ctypes
        libc = ctypes.CDLL(None, use_errno=True)
        file = libc.open(host["secret"].encode(), 0)
        if file < 0:
            raise OSError(ctypes.get_errno(), "open")
        room = ctypes.create_string_buffer(100)
        result = libc.read(file, room, 100) > 0
        """,
    ),
    _reads(
        "read a host file by the number of the call",
        "result = syscall('openat', -100, host['secret'].encode(), 0) >= 0",
    ),
    _reads(
        "read a host file as a database",
        """
        import sqlite3
        try:
            found = sqlite3.connect(f"file:{host['secret']}?immutable=1", uri=True)
            found.execute("select * from sqlite_master")
        except sqlite3.OperationalError:
            raise
        except sqlite3.DatabaseError:  # what it read is no database
            result = True
        """,
    ),
    _reads(
        "read a host file through frames that it was not given",
        """
        import sys
        frame = sys._getframe()
        while "open" not in frame.f_builtins:
            frame = frame.f_back
        result = frame.f_builtins["open"](host["secret"]).read()
        """,
    ),
    _reads(
        "read a host file by a format string",
        """
        class Loose:
            def __format__(self, name):
                return open(name).read()
        result = "{0:%s}" % host["secret"]
        result = result.format(Loose())
        """,
    ),
    _reads(
        "read a host file in a destructor",
        """
        found = []
        class Last:
            def __del__(self):
                try:
                    found.append(open(host["secret"]).read())
                except OSError:
                    pass
        del_me = Last()
        del del_me
        result = found
        """,
    ),
    _reads(
        "read a host file in a thread",
        """
        import threading
        found = []
        def read():
            try:
                found.append(open(host["secret"]).read())
            except OSError:
                pass
        reader = threading.Thread(target=read)
        reader.start()
        reader.join()
        result = found
        """,
    ),
    Attack(
        "find the host's sockets in memory and use one",
        """
        import gc, socket
        sockets = [item for item in gc.get_objects() if type(item) is socket.socket]
        result = [item.getsockname() for item in sockets if item.fileno() >= 0]
        """,
        ("fds",),
    ),
    Attack(
        "call the kernel from machine code of its own",
        """
        import ctypes, mmap
        # mov eax, 2; mov rsi, 0; syscall; ret: open(rdi, O_RDONLY)
        code = bytes.fromhex("b80200000031f60f05c3")
        room = mmap.mmap(-1, 4096, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS, prot=7)
        room.write(code)
        at = ctypes.addressof(ctypes.c_char.from_buffer(room))
        call = ctypes.CFUNCTYPE(ctypes.c_long, ctypes.c_char_p)(at)
        file = call(host["secret"].encode())
        if file < 0:
            raise OSError(-file, "open")
        result = True
        """,
        ("landlock",),
        machine="x86_64",
    ),
    Attack(
        "fork from machine code of its own",
        """
        import ctypes, mmap, os
        # fork; in the child exit(0), each by its number
        code = bytes.fromhex("b8390000000f0585c07509b83c00000031ff0f05c3")
        room = mmap.mmap(-1, 4096, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS, prot=7)
        room.write(code)
        at = ctypes.addressof(ctypes.c_char.from_buffer(room))
        pid = ctypes.CFUNCTYPE(ctypes.c_long)(at)()
        if pid < 0:
            raise OSError(-pid, "fork")
        os.waitpid(pid, 0)
        result = True
        """,
        ("seccomp",),
        machine="x86_64",
        reach=("programs",),
    ),
    Attack(
        "give itself an id by writing over its memory",
        """
        import ctypes, os
        libc = ctypes.CDLL(None, use_errno=True)
        ctypes.memset(ctypes.addressof(ctypes.create_string_buffer(64)), 0, 64)
        if libc.setresuid(1, 1, 1):
            raise OSError(ctypes.get_errno(), "setresuid")
        result = os.getuid() == 1
        """,
        ("capabilities",),
        root_held_by=("uid",),
        who="root",
    ),
)
