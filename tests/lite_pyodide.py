"""Make a folder of Pyodide without its compiled packages: a browser without a network can start its Python.

`python tests/lite_pyodide.py FOLDER`: npm has Pyodide itself; PyPI has those packages that are pure Python,
at the versions that Pyodide wants. NumPy, Matplotlib and Pillow for it are on neither.
"""

import hashlib
import json
import shutil
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

PYODIDE = "pyodide@314.0.6"  # what jupyterlite-pyodide-kernel 0.8.6 is made for
NEEDED = ("ipython", "jedi", "micropip", "packaging", "threadpoolctl")  # with what they need


def main(folder: Path) -> None:
    """Write the folder."""
    with tempfile.TemporaryDirectory() as place:
        subprocess.run(["npm", "pack", "--silent", PYODIDE, "--pack-destination", place], check=True)
        (archive,) = Path(place).glob("*.tgz")
        with tarfile.open(archive) as file:
            file.extractall(place, filter="data")
        shutil.copytree(Path(place) / "package", folder, dirs_exist_ok=True)
    path = folder / "pyodide-lock.json"
    lock = json.loads(path.read_text(encoding="utf-8"))
    names = needed(lock["packages"], NEEDED)
    pins = [f"{name}=={lock['packages'][name]['version']}" for name in names]
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary", ":all:"]
    command += ["--python-version", "3.14", "--platform", "any", "--dest", str(folder)]
    subprocess.run([*command, *pins], check=True)
    for name in names:
        entry = lock["packages"][name]
        (wheel,) = folder.glob(f"{name.replace('-', '_')}-*-none-any.whl")
        entry |= {"file_name": wheel.name, "sha256": hashlib.sha256(wheel.read_bytes()).hexdigest()}
    path.write_text(json.dumps(lock), encoding="utf-8")


def needed(packages: dict, names: tuple[str, ...]) -> list[str]:
    """Return these packages and all that they depend on, by the names of Pyodide's list."""
    found: list[str] = []
    waiting = list(names)
    while waiting:
        name = waiting.pop().lower().replace("_", "-")
        if name not in found:
            found.append(name)
            waiting += packages[name]["depends"]
    return sorted(found)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
