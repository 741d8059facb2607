"""Files of the host: reading, changing, describing, watching."""

from __future__ import annotations

from tests.sandbox.attacks.catalogue.attack import Attack, calls

__all__ = ["ATTACKS"]

ATTACKS = (
    Attack("read a host file", "result = open(host['secret']).read()", ("landlock",)),
    Attack(
        "read a host file through a symbolic link in a granted folder",
        "result = open(host['granted'] + '/link').read()",
        ("landlock",),
        job={"read": ["granted"]},
    ),
    Attack("list a host folder", "import os; result = os.listdir('/')", ("landlock",)),
    Attack(
        "fill /dev/shm",
        """
        import os
        path = f"/dev/shm/lockgate-{os.getpid()}"
        open(path, "w").write("x")
        os.unlink(path)
        result = True
        """,
        ("landlock",),
    ),
    Attack(
        "write beside its grant",
        "import os; open(host['secret'], 'a').write('x'); result = True",
        ("landlock",),
        root_held_by=("uid",),
    ),
    Attack(
        "truncate a host file",
        "import os; os.truncate(host['secret'], 0); result = True",
        ("landlock",),
        root_held_by=("uid",),
    ),
    Attack(
        "change a file's mode",
        "import os; os.chmod(host['secret'], 0o666); result = True",
        ("seccomp",),
        root_held_by=("uid",),
    ),
    Attack(
        "change a file's mode with the newest call",
        # fchmodat2 (452) is newer than the tables: ENOSYS, as if it were not there.
        "raw_syscall(452, -100, host['secret'].encode(), 0o666, 0); result = True",
        ("seccomp",),
        root_held_by=("uid",),
        says="ENOSYS",
        absent=("ENOSYS",),
    ),
    Attack(
        "change a file's times",
        "import os; os.utime(host['secret'], (1, 1)); result = True",
        ("seccomp",),
        root_held_by=("uid",),
    ),
    Attack(
        "change a file's extended attributes",
        "import os; os.setxattr(host['secret'], 'user.x', b'y'); result = True",
        ("seccomp",),
        root_held_by=("uid",),
        absent=("ENOTSUP",),
    ),
    Attack(
        "change a file's owner",
        "import os; os.chown(host['secret'], host['uid'], -1); result = True",
        ("seccomp",),
        root_held_by=("uid",),
    ),
    Attack(
        "open a file by its handle",
        """
        import ctypes
        handle = (ctypes.c_uint32 * 40)(128)
        mount = ctypes.c_int()
        syscall("name_to_handle_at", -100, host["secret"].encode(),
                handle, ctypes.byref(mount), 0)
        result = True
        """,
        ("seccomp",),
        absent=("ENOTSUP",),
    ),
    Attack(
        "watch a host folder",
        """
        fd = syscall("inotify_init1", 0)
        syscall("inotify_add_watch", fd, host["granted"].encode(), 0xfff)
        result = True
        """,
        ("seccomp",),
    ),
    Attack(
        "read through an inherited descriptor",
        "import os; result = os.pread(host['inherited'], 100, 0)",
        ("fds",),
    ),
    Attack(
        "walk out of a granted folder by its parent",
        "result = open(host['granted'] + '/../secret').read()",
        ("landlock",),
        job={"read": ["granted"]},
    ),
    Attack(
        "walk out of a granted folder by its descriptor",
        """
        import os
        folder = os.open(host["granted"], os.O_RDONLY | os.O_DIRECTORY)
        result = os.read(os.open("../secret", os.O_RDONLY, dir_fd=folder), 100)
        """,
        ("landlock",),
        job={"read": ["granted"]},
    ),
    Attack(
        "enter a host folder and read from inside",
        "import os; os.chdir(host['ground']); result = open('secret').read()",
        ("landlock",),
    ),
    Attack(
        "reopen a path descriptor",
        """
        import os
        found = os.open(host["secret"], os.O_PATH)
        result = open(f"/proc/self/fd/{found}").read()
        """,
        ("landlock",),
        user_held_by=(),
        also_off=("no-new-privs",),
    ),
    Attack(
        "empty a file that may only be read",
        "import os; os.open(host['secret'], os.O_RDONLY | os.O_TRUNC); result = True",
        ("landlock",),
        root_held_by=("uid",),
        job={"read": ["secret"]},
    ),
    Attack(
        "empty a file that may only be read by the older call",
        """
        import os
        syscall("open", host["secret"].encode(), os.O_RDONLY | os.O_TRUNC, 0)
        result = True
        """,
        ("landlock",),
        root_held_by=("uid",),
        job={"read": ["secret"]},
        machine="x86_64",
    ),
    Attack(
        "read a file's extended attributes",
        "import os; result = isinstance(os.listxattr(host['secret']), list)",
        ("seccomp",),
        says="ENOTSUP",
    ),
    Attack(
        "read where a file came from",
        "import os; result = os.getxattr(host['secret'], 'user.x') == b'told'",
        ("seccomp",),
        says="ENOTSUP",
        absent=("ENODATA", "ENOTSUP"),
    ),
    Attack(
        "remove a file's extended attribute",
        "import os; os.removexattr(host['secret'], 'user.x'); result = True",
        ("seccomp",),
        root_held_by=("uid",),
        absent=("ENODATA", "ENOTSUP"),
    ),
    Attack(
        "change the mode of a file that may only be read, by its descriptor",
        """
        import os
        os.fchmod(os.open(host["secret"], os.O_RDONLY), 0o666)
        result = True
        """,
        ("seccomp",),
        root_held_by=("uid",),
        job={"read": ["secret"]},
    ),
    Attack(
        "lock a file that may only be read against its writers",
        """
        import fcntl
        fcntl.flock(open(host["secret"]), fcntl.LOCK_EX | fcntl.LOCK_NB)
        result = True
        """,
        ("seccomp",),
        job={"read": ["secret"]},
        # A worker with a folder of its own needs locks, and no filter sees a path.
        reach=("basic", "elevated", "admin", "programs"),
    ),
    Attack(
        "lock ranges of a file that may only be read",
        """
        import fcntl
        file = open(host["secret"])
        for start in range(100):
            fcntl.lockf(file, fcntl.LOCK_SH | fcntl.LOCK_NB, 1, 2 * start)
        result = True
        """,
        ("seccomp",),
        job={"read": ["secret"]},
        reach=("basic", "elevated", "admin", "programs"),
    ),
    Attack(
        "delay everybody who opens a file",
        """
        import fcntl
        fcntl.fcntl(open(host["secret"]), fcntl.F_SETLEASE, fcntl.F_RDLCK)
        result = True
        """,
        ("seccomp",),
        root_held_by=("uid",),
        job={"read": ["secret"]},
    ),
    Attack(
        "watch a folder by its descriptor",
        """
        import fcntl, os
        folder = os.open(host["granted"], os.O_RDONLY)
        fcntl.fcntl(folder, fcntl.F_NOTIFY, fcntl.DN_CREATE)
        result = True
        """,
        ("seccomp",),
        job={"read": ["granted"]},
        absent=("EINVAL",),  # without CONFIG_DNOTIFY
    ),
    calls(
        "watch a whole file system",
        "fanotify_init",
        "0x200",
        "0",
        absent=("ENOSYS",),
    ),
    Attack(
        "open a file by a handle that it was told",
        """
        import os
        os.chdir(host["ground"])  # for its file system
        handle = bytes.fromhex(host["handle"])
        file = syscall("open_by_handle_at", -100, handle, os.O_RDONLY)
        result = os.read(file, 100) == b"the host's secret"
        """,
        ("seccomp", "landlock"),
        root_held_by=("capabilities", "uid"),
        who="root",
        absent=("EINVAL",),  # a file system without handles: there was none to tell
    ),
    Attack(
        "copy a file of the host without opening it for reading",
        """
        import os
        os.sendfile(os.open(scratch + "/x", os.O_CREAT | os.O_WRONLY, 0o600),
                    os.open(host["secret"], os.O_RDONLY), 0, 100)
        result = True
        """,
        ("landlock",),
        tier="basic",
        job={"scratch": True},
    ),
    Attack(
        "change a file through a descriptor that was left open",
        "import os; os.fchmod(host['inherited'], 0o600); result = True",
        ("fds", "seccomp"),
        root_held_by=("uid",),
    ),
)
