"""A sandbox for a submission, where Linux lets any user make one: no network, no others, nothing to write on.

In namespaces of its own, a submission sees only its own processes and no network. All file systems are
read-only but for its own folder, the other submissions are hidden, and it cannot undo that. It can still read
this course with its reference answers, and all that you can read. Where namespaces are denied, as in most
containers, `landlock` makes a weaker one.
"""

import os
import shutil
import socket
import subprocess
import sys
import tempfile
from pathlib import Path

APART = ["unshare", "--user", "--map-root-user", "--pid", "--fork", "--kill-child", "--mount-proc", "--net"]
POWERLESS = ["setpriv", "--bounding-set=-all", "--inh-caps=-all", "--no-new-privs"]
HERE = [sys.executable, "-I", "-B", "-m", "coursekit.grading.sandbox"]
NAMESPACES, LANDLOCK = KINDS = ("namespaces", "landlock")  # the stronger first
# from within: the submissions and the network cannot be seen, nothing above its own folder can be written
TRIAL = """import os, socket, sys
hidden, port = sys.argv[1:]
def denied(act):
    try:
        return not act()
    except OSError:
        return True
open('in', 'w')
sys.exit(not (
    denied(lambda: os.listdir(hidden) if os.path.isdir(hidden) else open(hidden, 'rb').read(1))
    and denied(lambda: open('../out', 'w'))
    and denied(lambda: socket.create_connection(('127.0.0.1', int(port)), 5))
))"""
ADVICE = """There is no sandbox on this machine, so nothing was run: a submission would run as you, with your
files and your network. What helps is in docs/instructor_guide.md, "Submissions are untrusted code":
Ubuntu 23.10 and later: sudo sysctl -w kernel.apparmor_restrict_unprivileged_userns=0
in a container: docker run --security-opt seccomp=unconfined --security-opt apparmor=unconfined
on macOS and Windows: a Linux virtual machine.
In a virtual machine or container that you throw away afterwards: SANDBOX=no (--sandbox no) runs without."""


def main(arguments: list[str]) -> None:
    """Close the sandbox from within, then become the command: BOX HIDDEN COMMAND."""
    box, hidden, *command = arguments
    _mount("--bind", box, box)
    if os.path.isdir(hidden):
        _mount("-t", "tmpfs", "-o", "size=1m", "tmpfs", hidden)
    else:  # the archive of a whole class
        _mount("--bind", os.devnull, hidden)
    for place in places():
        if place not in (box, hidden):
            _mount("-o", "remount,bind,ro", place)
    os.chdir(os.getcwd())  # from below the new mount to above it
    os.execvp(POWERLESS[0], [*POWERLESS, *command])


def _mount(*options: str) -> None:
    subprocess.run(["mount", *options], check=True, capture_output=True)


def places() -> list[str]:
    """Return where file systems are mounted."""
    lines = Path("/proc/self/mountinfo").read_text(encoding="utf-8", errors="surrogateescape").splitlines()
    return list(dict.fromkeys(_unescaped(line.split()[4]) for line in lines))


def _unescaped(place: str) -> str:
    """Return a path as it is; the kernel writes a space in it as \\040."""
    for code, sign in {r"\040": " ", r"\011": "\t", r"\012": "\n", r"\134": "\\"}.items():
        place = place.replace(code, sign)
    return place


def around(box: Path, hidden: Path, kind: str = NAMESPACES) -> list[str]:
    """Return what to put before a command, so that it runs in a sandbox of this kind."""
    if kind == LANDLOCK:
        return [*HERE[:-1], "coursekit.grading.landlock", str(box), str(hidden)]
    return [*APART, *HERE, str(box), str(hidden)]


def kind(hidden: Path) -> str:
    """Return the strongest kind of sandbox that works on this machine; nothing if none does."""
    return next((one for one in KINDS if works(hidden, one)), "")


def works(hidden: Path, kind: str = NAMESPACES) -> bool:
    """Return whether a sandbox works on this machine, by a command that tries what it must not do."""
    if sys.platform != "linux":
        return False
    if kind == NAMESPACES and not all(map(shutil.which, (APART[0], POWERLESS[0], "mount"))):
        return False
    with (
        tempfile.TemporaryDirectory(prefix="grading-") as folder,
        socket.create_server(("127.0.0.1", 0)) as server,
    ):
        box = Path(folder).resolve() / "box"
        box.mkdir()
        given = [sys.executable, "-I", "-c", TRIAL, str(hidden), str(server.getsockname()[1])]
        done = subprocess.run([*around(box, hidden, kind), *given], cwd=box, capture_output=True)
        return done.returncode == 0 and (box / "in").exists() and not (box.parent / "out").exists()


if __name__ == "__main__":
    main(sys.argv[1:])
