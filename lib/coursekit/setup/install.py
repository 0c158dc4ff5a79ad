"""Make .venv from the lock, unless that is done already. `make` runs this file with any Python that fits.

It needs nothing but that Python, and no network once the packages are there. Where uv is installed, uv
installs them, which is faster; otherwise pip does.
"""

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
VENV = ROOT / ".venv"
PYTHON = VENV / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
STAMP = VENV / "convlab.json"  # written last: a .venv without it is incomplete
MOVED = (
    "This .venv was built with Python {0}.{1}, which is no longer at its original path.\n"
    "Name the new path: make PYTHON=/path/to/python{0}.{1}. Or delete .venv: make builds it again (network)."
)
NAMED = """The course's folder is {0}
Python cannot install packages below a folder with {1} in its name. Rename it, and run make again."""
# with these, pip or uv installs something else, somewhere else, or nothing
NOT_OURS = (
    *("abi", "dry-run", "editable", "implementation", "no-binary", "platform", "prefix", "python"),
    *("python-version", "require-hashes", "requirement", "root", "target"),
)
ARRIVED = ["-I", "-c", "from importlib.metadata import version; version('convlab'), version('numpy')"]
NEW_VENV = [sys.executable, "-m", "venv", "--clear"]
UV = ["pip", "install", "--quiet", "--compile-bytecode"]
PIP = ["-m", "pip", "-qq", "--disable-pip-version-check", "--no-input", "install", "--no-user"]


def main() -> int:
    """Bring .venv up to date and return 0, or say what went wrong and return 1.

    With --done, change nothing: return 0 if .venv is up to date, else 1.
    """
    have, wanted = installed(), needed()
    if have == wanted or "--done" in sys.argv:
        return int(have != wanted)
    if letters := [letter for letter in f"{{}}{os.pathsep}" if letter in str(ROOT)]:
        print(NAMED.format(ROOT, " and ".join(letters)))
        return 1
    begun = time.monotonic()
    try:
        if moved():
            if made_with() != sys.version_info[:2]:
                print(MOVED.format(*made_with()))
                return 1
            point_here()
            have = installed()
        if have != wanted:
            install(have, wanted)
    except subprocess.CalledProcessError as error:
        print(f"Setting up .venv failed (exit status {error.returncode}): the reason is above.")
        for line in settings_of_pip():
            print(f"pip is set to {line}, with which it installs elsewhere or otherwise. Remove that first:")
            print(f"`{PYTHON} -m pip config debug` names the file.")
        print("A first set-up downloads packages. Run make again to start over.")
        return 1
    print(f"Set up .venv in {time.monotonic() - begun:.0f} s.", flush=True)
    return 0


def moved() -> bool:
    """Return whether .venv is complete, and its Python is no longer at its original path."""
    return STAMP.exists() and (VENV / "pyvenv.cfg").exists() and not PYTHON.exists()


def made_with() -> tuple[int, int]:
    """Return the version of the Python that .venv was made with, such as (3, 12)."""
    settings = (VENV / "pyvenv.cfg").read_text(encoding="utf-8")
    found = re.search(r"^version\w* *= *(\d+)\.(\d+)", settings, re.MULTILINE)
    return (int(found[1]), int(found[2])) if found else sys.version_info[:2]


def point_here() -> None:
    """Let .venv use this Python; its packages stay."""
    for link in PYTHON.parent.glob("python*"):
        link.unlink()
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", VENV], check=True)
    print(f"Pointed .venv to the Python of this machine, {sys.version.split()[0]}.", flush=True)


def needed() -> dict:
    """Return what an installation depends on: the lock and the package's own settings."""
    files = {"lock": ROOT / "requirements.txt", "package": ROOT / "pyproject.toml"}
    return {name: hashlib.sha256(path.read_bytes()).hexdigest() for name, path in files.items()}


def installed() -> dict:
    """Return what the last complete installation was made from; nothing if there is none that works."""
    try:
        return json.loads(STAMP.read_text(encoding="utf-8")) if PYTHON.exists() else {}
    except (OSError, ValueError):
        return {}


def install(have: dict, wanted: dict) -> None:
    """Install what has changed; start over where there is no complete installation."""
    if not have:
        size = "about 0.5 GB of packages, one to three minutes"
        print(f"Setting up .venv with Python {sys.version.split()[0]}: {size} ...", flush=True)
        subprocess.run([*NEW_VENV, str(VENV)], check=True)
    STAMP.unlink(missing_ok=True)
    if have.get("lock") != wanted["lock"]:
        print("Installing what requirements.txt names ...", flush=True)
        add("--require-hashes", "-r", "requirements.txt")
    add("--no-deps", "--no-build-isolation", "-e", ".")  # pip takes [ ] in a path for extras
    for link in VENV.glob("**/site-packages/__editable__.convlab-*.pth"):
        # relative, so that the folder may be copied or moved, and be named in any script
        link.write_text(os.path.relpath(ROOT / "lib", link.parent) + "\n", encoding="ascii")
    subprocess.run([str(PYTHON), *ARRIVED], check=True)
    STAMP.write_text(json.dumps(wanted), encoding="utf-8")


def add(*arguments: str) -> None:
    """Install packages into .venv with uv, or with pip where there is no uv or it fails.

    `subprocess.CalledProcessError` if pip fails.
    """
    variables = without_settings_of_its_user()
    if uv := shutil.which("uv"):
        command = [uv, *UV, "--python", str(PYTHON), *arguments]
        if subprocess.run(command, check=False, cwd=ROOT, env=variables).returncode == 0:
            return
        print("uv did not succeed; trying pip ...", flush=True)
    subprocess.run([str(PYTHON), *PIP, *arguments], check=True, cwd=ROOT, env=variables)


def without_settings_of_its_user() -> dict[str, str]:
    """Return the variables of this process, less those with which pip or uv would install elsewhere."""
    names = [name.replace("-", "_").upper() for name in NOT_OURS]
    dropped = {f"{tool}_{name}" for tool in ("PIP", "UV") for name in names}
    return {name: value for name, value in os.environ.items() if name not in dropped}


def settings_of_pip() -> list[str]:
    """Return the lines of pip's own files that would make it install elsewhere, as `install.target='/x'`."""
    command = [str(PYTHON), "-m", "pip", "config", "list"]
    try:
        said = subprocess.run(
            command,
            capture_output=True,
            encoding="utf-8",
            errors="replace",
            env=without_settings_of_its_user(),
        ).stdout
    except OSError:  # there is no .venv
        return []
    return [line for line in said.splitlines() if line.partition("=")[0].rpartition(".")[2] in NOT_OURS]


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        print("\nstopped; the next make starts the installation over")
        sys.exit(130)
