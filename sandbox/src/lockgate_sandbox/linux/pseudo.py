"""Files of the kernel itself, by the file system they lie in, not by their path.

``/proc`` and its like may be mounted anywhere: in the folder of a chroot, say.
"""

from __future__ import annotations

import ctypes
import struct

from lockgate_sandbox.linux._libc import syscall

__all__ = ["is_of_the_kernel"]

# statfs(2) and linux/magic.h: what reading or writing a file in them does is done by
# the kernel, of whatever machine or process.
_KERNELS_OWN = frozenset(
    {
        0x9FA0,  # proc
        0x62656572,  # sysfs
        0x62656570,  # configfs
        0x64626720,  # debugfs
        0x74726163,  # tracefs
        0x73636673,  # securityfs
        0xF97CFF8C,  # selinuxfs
        0x43415D53,  # smackfs
        0x27E0EB,  # cgroup
        0x63677270,  # cgroup2
        0x42494E4D,  # binfmt_misc
        0x6165676C,  # pstore
        0xDE5E81E4,  # efivarfs
        0x7655821,  # resctrl
        0x65735543,  # fusectl
        0xCAFE4A11,  # bpf
        0x6E736673,  # nsfs
        0x19800202,  # mqueue
    }
)
_STATFS_BYTES = 256
"""More than struct statfs has, which begins with a long: the type."""


def is_of_the_kernel(fd: int) -> bool:
    """Whether what `fd` stands for is the kernel's own; O_PATH is enough.

    Raises:
        OSError: As fstatfs(2) does.
    """
    told = ctypes.create_string_buffer(_STATFS_BYTES)
    syscall("fstatfs", fd, told)
    return struct.unpack_from("=q", told)[0] & 0xFFFFFFFF in _KERNELS_OWN
