"""Runs a program as on a kernel that lacks something: `older_kernel.py landlock,seccomp PROGRAM ARGUMENTS...`.

A filter in front of the program answers the missing calls as such a kernel does."""
import ctypes
import errno
import os
import platform
import struct
import sys

LANDLOCK_FIRST, LANDLOCK_LAST = 444, 446  # the same on every architecture
SECCOMP, PRCTL = {"x86_64": (317, 157), "aarch64": (277, 167)}[platform.machine()]
PR_SET_SECCOMP, PR_SET_NO_NEW_PRIVS, MODE_FILTER = 22, 38, 2
LOAD, EQUAL, GREATER, RETURN = 0x20, 0x15, 0x25, 0x06
NUMBER_AT, ARGUMENT_AT = 0, 16  # in struct seccomp_data; the first argument's lower half
ALLOW, FAIL = 0x7FFF0000, 0x00050000


def instruction(code, value, if_true=0, if_false=0):
    return struct.pack("HBBI", code, if_true, if_false, value)


def fails(first, last, number):
    """Calls from `first` to `last` fail with this errno value."""
    return [instruction(LOAD, NUMBER_AT), instruction(GREATER, first - 1, 0, 2), instruction(GREATER, last, 1, 0),
            instruction(RETURN, FAIL | number)]


def filter_for(missing):
    code = []
    if "landlock" in missing:
        code += fails(LANDLOCK_FIRST, LANDLOCK_LAST, errno.ENOSYS)
    if "seccomp" in missing:
        code += fails(SECCOMP, SECCOMP, errno.ENOSYS)
        code += [instruction(LOAD, NUMBER_AT), instruction(EQUAL, PRCTL, 0, 3), instruction(LOAD, ARGUMENT_AT),
                 instruction(EQUAL, PR_SET_SECCOMP, 0, 1), instruction(RETURN, FAIL | errno.EINVAL)]
    return code + [instruction(RETURN, ALLOW)]


def main(missing, *command):
    code = filter_for(missing.split(","))
    memory = ctypes.create_string_buffer(b"".join(code))
    program = struct.pack("HP", len(code), ctypes.addressof(memory))
    libc = ctypes.CDLL(None, use_errno=True)
    for arguments in ((PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), (PR_SET_SECCOMP, MODE_FILTER, program, 0, 0)):
        if libc.prctl(*arguments) != 0:
            sys.exit(f"prctl: {os.strerror(ctypes.get_errno())}")
    os.execv(command[0], command)


main(*sys.argv[1:])
