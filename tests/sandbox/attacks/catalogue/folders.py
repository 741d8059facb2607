"""Folders: links, renames, nodes, and races between them."""

from __future__ import annotations

from tests.sandbox.attacks.catalogue.attack import Attack

__all__ = ["ATTACKS"]

ATTACKS = (
    Attack(
        "link a host file into its scratch folder",
        """
        import os
        os.link(host["secret"], scratch + "/taken")
        result = open(scratch + "/taken").read()
        """,
        ("landlock", "scratch"),
        root_held_by=("uid",),
        tier="basic",
        job={"scratch": True},
    ),
    Attack(
        "move a host file into its scratch folder",
        """
        import os
        os.rename(host["secret"], scratch + "/taken")
        result = open(scratch + "/taken").read()
        """,
        ("landlock", "scratch"),
        root_held_by=("uid",),
        tier="basic",
        job={"scratch": True},
    ),
    Attack(
        "delete from a folder that may only be read",
        """
        import os
        os.unlink(host["granted"] + "/public")
        open(host["granted"] + "/public", "w").write("public")
        result = True
        """,
        ("landlock",),
        root_held_by=("uid",),
        job={"read": ["granted"]},
    ),
    Attack(
        "make a folder in one that may only be read",
        """
        import os
        os.mkdir(host["granted"] + "/new")
        os.rmdir(host["granted"] + "/new")
        result = True
        """,
        ("landlock",),
        root_held_by=("uid",),
        job={"read": ["granted"]},
    ),
    Attack(
        "make a symbolic link in a folder that may only be read",
        """
        import os
        os.symlink("/etc/passwd", host["granted"] + "/trap")
        os.unlink(host["granted"] + "/trap")
        result = True
        """,
        ("landlock",),
        root_held_by=("uid",),
        job={"read": ["granted"]},
    ),
    Attack(
        "rename in a folder that may only be read",
        """
        import os
        os.rename(host["granted"] + "/link", host["granted"] + "/other")
        os.rename(host["granted"] + "/other", host["granted"] + "/link")
        result = True
        """,
        ("landlock",),
        root_held_by=("uid",),
        job={"read": ["granted"]},
    ),
    Attack(
        "move a file out of a granted folder",
        """
        import os
        made = host["granted"] + f"/out{os.getpid()}"
        gone = host["ground"] + f"/out{os.getpid()}"
        open(made, "w").close()
        try:
            os.rename(made, gone)
            os.unlink(gone)
            result = True
        finally:
            if os.path.exists(made):
                os.unlink(made)
        """,
        ("landlock",),
        root_held_by=("uid",),
        tier="elevated",
        job={"write": ["granted"]},
    ),
    Attack(
        "make a device node in a granted folder",
        """
        import os, stat
        made = host["granted"] + f"/null{os.getpid()}"
        os.mknod(made, stat.S_IFCHR | 0o666, os.makedev(1, 3))
        os.unlink(made)
        result = True
        """,
        ("landlock", "seccomp", "capabilities"),
        root_held_by=("uid",),
        who="root",
        tier="elevated",
        job={"write": ["granted"]},
    ),
    Attack(
        "make a FIFO in a granted folder",
        """
        import os
        made = host["granted"] + f"/fifo{os.getpid()}"
        os.mkfifo(made)
        os.unlink(made)
        result = True
        """,
        ("landlock", "seccomp"),
        root_held_by=("uid",),
        tier="elevated",
        job={"write": ["granted"]},
    ),
    Attack(
        "make a FIFO in a granted folder by the older call",
        """
        import os, stat
        made = host["granted"] + f"/fifo{os.getpid()}"
        syscall("mknod", made.encode(), stat.S_IFIFO | 0o600, 0)
        os.unlink(made)
        result = True
        """,
        ("landlock", "seccomp"),
        root_held_by=("uid",),
        tier="elevated",
        job={"write": ["granted"]},
        machine="x86_64",
    ),
    Attack(
        "make a socket in a granted folder",
        """
        import os, socket
        made = host["granted"] + f"/socket{os.getpid()}"
        socket.socket(socket.AF_UNIX).bind(made)
        os.unlink(made)
        result = True
        """,
        ("seccomp", "landlock"),
        root_held_by=("uid",),
        tier="elevated",
        job={"write": ["granted"]},
    ),
    Attack(
        "race a symbolic link against the one who opens it",
        """
        import os, sys, threading, time
        sys.setswitchinterval(1e-6)
        end, tries = time.monotonic() + 0.15, 0
        folder = scratch + "/race"
        os.mkdir(folder)
        stop = threading.Event()
        def swap():
            while not stop.is_set():
                for target in (folder + "/mine", host["secret"]):
                    os.symlink(target, folder + "/next")
                    os.rename(folder + "/next", folder + "/now")
        open(folder + "/mine", "w").write("mine")
        racer = threading.Thread(target=swap)
        racer.start()
        try:
            # On a busy machine the time alone may be over before both have run.
            while time.monotonic() < end or tries < 500:
                tries += 1
                try:
                    if "secret" in open(folder + "/now").read():
                        result = True
                        break
                except OSError:
                    pass
        finally:
            stop.set()
            racer.join()
        """,
        ("landlock",),
        tier="basic",
        job={"scratch": True},
    ),
    Attack(
        "race a folder against a link to the host's",
        """
        import os, sys, threading, time
        sys.setswitchinterval(1e-6)
        end, tries = time.monotonic() + 0.15, 0
        real, trap, now = (scratch + "/" + name for name in ("real", "trap", "now"))
        os.mkdir(real)
        open(real + "/secret", "w").write("mine")
        os.symlink(host["ground"], trap)
        os.rename(real, now)
        stop = threading.Event()
        def swap():
            while not stop.is_set():
                # RENAME_EXCHANGE: both names exist all the time
                syscall("renameat2", -100, now.encode(), -100, trap.encode(), 2)
        racer = threading.Thread(target=swap)
        racer.start()
        try:
            # On a busy machine the time alone may be over before both have run.
            while time.monotonic() < end or tries < 500:
                tries += 1
                try:
                    if "host" in open(now + "/secret").read():
                        result = True
                        break
                except OSError:
                    pass
        finally:
            stop.set()
            racer.join()
        """,
        ("landlock",),
        tier="basic",
        job={"scratch": True},
    ),
    Attack(
        "race a move of the folder that it stands in",
        """
        import os, sys, threading, time
        sys.setswitchinterval(1e-6)
        end, tries = time.monotonic() + 0.15, 0
        inner, outer = scratch + "/a/b/c", scratch + "/c"
        os.makedirs(inner)
        here = os.open(inner, os.O_RDONLY | os.O_DIRECTORY)
        stop = threading.Event()
        def move():
            while not stop.is_set():
                os.rename(inner, outer)
                os.rename(outer, inner)
        racer = threading.Thread(target=move)
        racer.start()
        try:
            while time.monotonic() < end or tries < 500:
                tries += 1
                try:
                    path = "../" * (tries % 12 + 1) + host["secret"][1:]
                    result = os.read(os.open(path, os.O_RDONLY, dir_fd=here), 100)
                    break
                except OSError:
                    pass
        finally:
            stop.set()
            racer.join()
        """,
        ("landlock",),
        tier="basic",
        job={"scratch": True},
    ),
    Attack(
        "swap a granted file for a link to the host's",
        """
        import os
        made = host["granted"] + f"/swap{os.getpid()}"
        os.symlink(host["secret"], made)
        try:
            open(made, "a").write("x")
            result = True
        finally:
            os.unlink(made)
        """,
        ("landlock",),
        root_held_by=("uid",),
        tier="elevated",
        job={"write": ["granted"]},
    ),
    Attack(
        "leave a device node behind with a rename",
        """
        import os, stat
        old, new = scratch + "/old", scratch + "/new"
        open(old, "w").close()
        # RENAME_WHITEOUT: where the file was lies a device node now
        syscall("renameat2", -100, old.encode(), -100, new.encode(), 4)
        result = stat.S_ISCHR(os.lstat(old).st_mode)
        """,
        ("seccomp",),
        says="EINVAL",
        tier="basic",
        job={"scratch": True},
    ),
)
