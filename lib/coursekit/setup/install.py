"""Make .venv from the lock, unless that is done already. `make` runs this file with any Python that fits.

It needs nothing but that Python, and no network once the packages are there.
"""

import hashlib
import json
import os
import re
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
VENV = ROOT / ".venv"
PYTHON = VENV / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
STAMP = VENV / "convlab.json"  # written last: an installation without it was interrupted
MOVED = (
    "The packages in .venv are for Python {0}.{1}, which does not lie where it lay when .venv was made.\n"
    "Name it, make PYTHON=/path/to/python{0}.{1}, or delete .venv: make then sets it up anew (network)."
)
PIP = [PYTHON, "-m", "pip", "-qq", "--disable-pip-version-check", "--no-input", "install", "--no-user"]


def main() -> int:
    """Bring .venv up to date and return 0, or say what went wrong and return 1; --done only tells."""
    have, wanted = installed(), needed()
    if have == wanted or "--done" in sys.argv:
        return int(have != wanted)
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
        print("A first set-up needs the package registry. Run make again to start anew.")
        return 1
    print(f"Set up .venv in {time.monotonic() - begun:.0f} s.", flush=True)
    return 0


def moved() -> bool:
    """Tell whether .venv is complete but was copied from where its Python lay elsewhere."""
    return STAMP.exists() and (VENV / "pyvenv.cfg").exists() and not PYTHON.exists()


def made_with() -> tuple[int, int]:
    """Return the version of the Python that .venv was made with, such as (3, 12)."""
    major, minor = re.search(
        r"^version\w* *= *(\d+)\.(\d+)", (VENV / "pyvenv.cfg").read_text(encoding="utf-8"), re.MULTILINE
    ).groups()
    return int(major), int(minor)


def point_here() -> None:
    """Point .venv to this Python; its packages stay."""
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
    """Install what has changed; start anew where there is no complete installation."""
    if not have:
        size = "about 0.5 GB of packages, one to three minutes"
        print(f"Setting up .venv with Python {sys.version.split()[0]}: {size} ...", flush=True)
        subprocess.run([sys.executable, "-m", "venv", "--clear", VENV], check=True)
    STAMP.unlink(missing_ok=True)
    if have.get("lock") != wanted["lock"]:
        print("Installing what requirements.txt names ...", flush=True)
        subprocess.run([*PIP, "--require-hashes", "-r", ROOT / "requirements.txt"], check=True)
    subprocess.run([*PIP, "--no-deps", "--no-build-isolation", "-e", ROOT], check=True)
    for link in VENV.glob("**/site-packages/__editable__.convlab-*.pth"):
        # relative, so that the folder may be copied or moved, and be named in any script
        link.write_text(os.path.relpath(ROOT / "lib", link.parent) + "\n", encoding="ascii")
    STAMP.write_text(json.dumps(wanted), encoding="utf-8")


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        print("\nstopped; the next make starts the installation anew")
        sys.exit(130)
