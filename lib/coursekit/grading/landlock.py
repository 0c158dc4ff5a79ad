"""A weaker sandbox for containers, where no namespaces can be made: Landlock and seccomp, from Linux 5.13.

A process takes rights from itself and from all that it starts, for good. It then reads everything but the
other submissions, writes only below its own folder, and opens no socket of the internet. It still sees the
processes of other programs. Sources: landlock(7), seccomp(2), and <linux/landlock.h>.
"""

import ctypes
import os
import platform
import struct
import sys
from collections.abc import Iterator
from pathlib import Path

CREATE_RULESET, ADD_RULE, RESTRICT_SELF = 444, 445, 446  # system calls, the same on all machines
ASK_VERSION, PATH_BENEATH = 1, 1
EXECUTE, WRITE_FILE, READ_FILE, READ_DIR = 1, 2, 4, 8
ACCESSES = {1: 13, 2: 14, 3: 15, 4: 15, 5: 16}  # how many accesses to files each version knows
NO_NEW_PRIVILEGES, SET_SECCOMP, FILTER = 38, 22, 2
OF_FILES = EXECUTE | WRITE_FILE | READ_FILE | 1 << 14 | 1 << 15  # those that a rule on a file may give
SCOPES = 3  # from version 6: no signals to others, no abstract sockets of others
DEVICES = ("/dev/null", "/dev/zero", "/dev/urandom", "/dev/random", "/dev/shm", "/dev/tty")
SOCKET = {"x86_64": (0xC000003E, 41), "aarch64": (0xC00000B7, 198)}  # the architecture's number, the call's
INTERNET = (2, 10)  # AF_INET, AF_INET6


def main(arguments: list[str]) -> None:
    """Take the rights away, then become the command: BOX HIDDEN COMMAND."""
    box, hidden, *command = arguments
    restrict(Path(box), Path(hidden))
    os.execvp(command[0], command)


def restrict(box: Path, hidden: Path) -> None:
    """Let this process write only below `box` and never see `hidden`; OSError where that is not possible.

    Args:
        box: its own folder.
        hidden: the folder, or the archive, of all submissions.
    """
    version = call(CREATE_RULESET, None, 0, ASK_VERSION)
    everything = (1 << ACCESSES.get(version, max(ACCESSES.values()))) - 1
    attributes = struct.pack("QQQ", everything, 0, SCOPES if version >= 6 else 0)
    ruleset = call(CREATE_RULESET, attributes, 24 if version >= 6 else 8, 0)
    for path in beside(hidden):
        allow(ruleset, path, (EXECUTE | READ_FILE | READ_DIR) & everything)
    for name in DEVICES:
        if os.path.exists(name):
            allow(ruleset, Path(name), everything)
    allow(ruleset, box, everything)
    library = ctypes.CDLL(None, use_errno=True)
    library.prctl(NO_NEW_PRIVILEGES, 1, 0, 0, 0)
    _forbid_internet(library)
    call(RESTRICT_SELF, ruleset, 0)
    os.close(ruleset)


def beside(hidden: Path) -> Iterator[Path]:
    """Yield what lies beside a path and beside each folder above it: all files but those below the path."""
    for folder in hidden.parents:
        for path in folder.iterdir():
            if path != hidden and path not in hidden.parents and not path.is_symlink():
                yield path


def allow(ruleset: int, path: Path, access: int) -> None:
    """Add a rule: below `path` this access is allowed. What is gone meanwhile needs no rule."""
    try:
        place = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except OSError:
        return
    try:
        access = access if path.is_dir() else access & OF_FILES
        call(ADD_RULE, ruleset, PATH_BENEATH, struct.pack("=Qi", access, place), 0)
    finally:
        os.close(place)


def _forbid_internet(library: ctypes.CDLL) -> None:
    """Let socket() fail for the internet's families, in this process and all that it starts."""
    machine, number = SOCKET[platform.machine()]
    load, jump_equal, give = 0x20, 0x15, 0x06  # of the packet filter's language: word, if equal, return
    allowed, denied = 0x7FFF0000, 0x00050000 | 1  # 1 is EPERM
    program = [
        (load, 0, 0, 4),  # the architecture
        (jump_equal, 0, 5, machine),  # another one's calls have other numbers
        (load, 0, 0, 0),  # which call
        (jump_equal, 0, 4, number),
        (load, 0, 0, 16),  # its first argument, the family
        (jump_equal, 1, 0, INTERNET[0]),
        (jump_equal, 0, 1, INTERNET[1]),
        (give, 0, 0, denied),
        (give, 0, 0, allowed),
    ]
    code = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *one) for one in program))
    whole = struct.pack("HxxxxxxP", len(program), ctypes.addressof(code))
    if library.prctl(SET_SECCOMP, FILTER, whole, 0, 0):
        raise OSError(ctypes.get_errno(), "seccomp filters cannot be set")


def call(number: int, *arguments: object) -> int:
    """Return what a system call returns; OSError where it fails."""
    library = ctypes.CDLL(None, use_errno=True)
    given = [ctypes.c_long(one) if isinstance(one, int) else one for one in arguments]
    found = library.syscall(ctypes.c_long(number), *given)
    if found < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return found


if __name__ == "__main__":
    main(sys.argv[1:])
