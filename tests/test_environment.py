"""pyproject.toml, the lock and environment.yml say the same, and the lock can be installed anywhere."""

import json
import os
import re
import subprocess
import sys
import tomllib

import pytest
import yaml
from packaging.markers import Marker
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet

from coursekit.lessons import ROOT
from coursekit.setup import install

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
LOCK = (ROOT / "requirements.txt").read_text()
# each entry: a line that pins, then its hashes, joined by backslashes
ENTRIES = re.findall(r"^(?=[^\s#])(?:.*\\\n)*.*", LOCK, re.MULTILINE)
PINS = [Requirement(entry.split("--hash")[0].replace("\\", "").strip()) for entry in ENTRIES]
WANTED = [Requirement(line) for line in [*PROJECT["dependencies"], *PROJECT["optional-dependencies"]["test"]]]
SYSTEMS = ["linux x86_64", "linux aarch64", "darwin arm64", "win32 AMD64"]
PYTHONS = ["3.11", "3.12", "3.13"]


def environment(python, system):
    """Return the values that markers ask for on such a machine."""
    system, machine = system.split()
    version = {"python_version": python, "python_full_version": f"{python}.4", "extra": "test"}
    names = {"win32": ("nt", "Windows"), "linux": ("posix", "Linux"), "darwin": ("posix", "Darwin")}
    name, platform = names[system]
    place = {
        "sys_platform": system,
        "platform_machine": machine,
        "os_name": name,
        "platform_system": platform,
    }
    return version | place | {"implementation_name": "cpython", "platform_python_implementation": "CPython"}


def applies(marker: Marker | None, python, system) -> bool:
    """Tell whether a requirement counts on such a machine."""
    return marker is None or marker.evaluate(environment(python, system))


@pytest.mark.parametrize("python", PYTHONS)
@pytest.mark.parametrize("system", SYSTEMS)
def test_each_dependency_is_pinned_once_within_its_bounds(python, system):
    pins = {}
    for pin in PINS:
        if applies(pin.marker, python, system):
            assert pin.name not in pins
            pins[pin.name] = str(pin.specifier).removeprefix("==")
    for wanted in WANTED:
        if applies(wanted.marker, python, system):
            assert wanted.specifier.contains(pins[wanted.name]), f"{wanted} is locked at {pins[wanted.name]}"


def test_lock_pins_one_version_with_hashes_everywhere():
    for entry, pin in zip(ENTRIES, PINS):
        assert re.fullmatch(r"==[\w.+]+", str(pin.specifier)), entry.splitlines()[0]
        assert re.search(r"--hash=sha256:[0-9a-f]{64}", entry), f"{pin.name} has no hash"


def test_lock_names_no_index_and_no_place():
    assert not re.search(
        r"://|^\s*-(?!-hash)|--(?:extra-)?index-url|--find-links| @ |file:", LOCK, re.MULTILINE
    )


def test_header_says_the_command_of_make_lock():
    makefile = " ".join((ROOT / "Makefile").read_text().replace("\\\n", " ").split())
    command = re.search(r"uv (pip compile .*)", LOCK)[1].split()
    recipe = re.search(r"uv (pip compile .*? -o requirements\.txt)", makefile)[1].split()
    assert {*command} == {*recipe} - {"--quiet"}


def test_environment_for_conda_holds_python_pip_and_the_lock():
    conda = yaml.safe_load((ROOT / "environment.yml").read_text())
    python, pip, through_pip = conda["dependencies"]
    assert SpecifierSet(python.removeprefix("python ")) == SpecifierSet(PROJECT["requires-python"])
    assert (pip, through_pip) == ("pip", {"pip": ["-r requirements.txt"]})


CLAIMS = """#!{real}
import os, sys
if sys.argv[1] == "-c":
    sys.version_info = (3, {minor}, 1, "final", 0)
    exec(sys.argv[2])
else:
    print("installs with", *sys.argv[1:])
"""


@pytest.mark.skipif(os.name == "nt", reason="there is no make")
@pytest.mark.parametrize("minor", range(9, 16))
def test_make_takes_every_python_that_the_project_allows_and_no_other(minor, tmp_path):
    python = tmp_path / "python of mine"
    python.write_text(CLAIMS.format(real=os.path.realpath(sys.executable), minor=minor))
    python.chmod(0o755)
    command = [
        "make",
        "--no-print-directory",
        "-f",
        ROOT / "Makefile",
        "setup",
        "PY=/nowhere/python",
        f"PYTHON={python}",
    ]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    if f"3.{minor}" in SpecifierSet(PROJECT["requires-python"]):
        assert done.stdout == "installs with -I lib/coursekit/setup/install.py\n", done.stderr
    else:
        assert done.returncode and "The course needs Python 3.11, 3.12 or 3.13" in done.stdout


@pytest.fixture
def steps(tmp_path, monkeypatch):
    """Put the installer into an empty folder and return the list of what it runs there."""
    for name in ("requirements.txt", "pyproject.toml"):
        (tmp_path / name).write_text("as it was")
    venv, run = tmp_path / ".venv", []
    monkeypatch.setattr(install, "ROOT", tmp_path)
    monkeypatch.setattr(install, "VENV", venv)
    monkeypatch.setattr(install, "PYTHON", venv / "python")
    monkeypatch.setattr(install, "STAMP", venv / "stamp")
    monkeypatch.setattr(install.sys, "argv", ["install.py"])

    def record(command, check=False, **_):
        words = [str(word) for word in command]
        if words[1:] == install.ARRIVED or "config" in words:
            return install.subprocess.CompletedProcess(command, 0, stdout="")
        run.append("venv" if "venv" in words else "lock" if "-r" in words else "package")
        venv.mkdir(exist_ok=True)
        (venv / "python").touch()
        return install.subprocess.CompletedProcess(command, 0)

    monkeypatch.setattr(install.subprocess, "run", record)
    monkeypatch.setattr(install.shutil, "which", lambda name: None)
    return run


def plant_uv(folder, monkeypatch, status):
    """Put a uv first on the path; it writes down what it is asked for and ends with this status."""
    (folder / "tools").mkdir()
    uv = folder / "tools" / "uv"
    uv.write_text(f'#!/bin/sh\necho "$@" >> "{folder}/asked"\nexit {status}\n')
    uv.chmod(0o755)
    monkeypatch.setenv("PATH", f"{uv.parent}{os.pathsep}{os.environ['PATH']}")


@pytest.fixture
def empty_course(tmp_path, monkeypatch):
    """Return an empty course with a difficult name, where pip only writes down what it is asked for."""
    folder = tmp_path / "강의 [2026] course"
    folder.mkdir()
    (folder / "requirements.txt").touch()
    (folder / "pyproject.toml").touch()
    venv = folder / ".venv"
    names = {"VENV": venv, "PYTHON": venv / "bin" / "python", "STAMP": venv / "convlab.json", "ROOT": folder}
    for name, place in names.items():
        monkeypatch.setattr(install, name, place)
    note = (
        "import os, sys; pip = {name for name in os.environ if name.startswith('PIP_')};"
        "print(*sys.argv[1:], '|', *sorted(pip), file=open('piped', 'a', encoding='utf-8'))"
    )
    monkeypatch.setattr(install, "PIP", ["-c", note])
    monkeypatch.setattr(install, "ARRIVED", ["-c", ""])
    monkeypatch.setattr(install, "NEW_VENV", [*install.NEW_VENV, "--without-pip"])
    monkeypatch.setattr(install.sys, "argv", ["install.py"])
    monkeypatch.chdir(folder)
    return folder


@pytest.mark.skipif(os.name == "nt", reason="the planted uv is a shell script")
@pytest.mark.parametrize("status", [0, 2])
def test_uv_installs_where_it_is_there_and_pip_where_it_fails(empty_course, monkeypatch, capfd, status):
    plant_uv(empty_course, monkeypatch, status)
    assert install.main() == 0
    asked = (empty_course / "asked").read_text(encoding="utf-8").splitlines()
    assert len(asked) == 2 and all(line.startswith("pip install ") for line in asked)
    assert all(f"--python {install.PYTHON} " in line for line in asked)
    assert "--require-hashes" in asked[0] and "--no-deps" in asked[1]
    piped = empty_course / "piped"
    assert piped.exists() is bool(status)
    assert not status or " -r requirements.txt " in piped.read_text(encoding="utf-8")
    assert ("trying pip" in capfd.readouterr().out) is bool(status)
    assert install.main() == 0  # nothing is left to do
    assert (empty_course / "asked").read_text(encoding="utf-8").splitlines() == asked


def test_pip_gets_no_path_that_it_could_misread_and_no_settings_that_lead_elsewhere(
    empty_course, monkeypatch
):
    """It takes [ ] in a path for extras; the variables are a person's own, from another project."""
    for name in [name for name in os.environ if name.startswith("PIP_")]:
        monkeypatch.delenv(name)
    for name in ("TARGET", "PREFIX", "ROOT", "DRY_RUN", "REQUIRE_HASHES", "NO_BINARY", "INDEX_URL", "PROXY"):
        monkeypatch.setenv(f"PIP_{name}", "1")
    monkeypatch.setattr(install.shutil, "which", lambda name: None)
    assert install.main() == 0
    lock, package = (empty_course / "piped").read_text(encoding="utf-8").splitlines()
    assert lock == "--require-hashes -r requirements.txt | PIP_INDEX_URL PIP_PROXY"
    assert package == "--no-deps --no-build-isolation -e . | PIP_INDEX_URL PIP_PROXY"


def test_settings_in_pips_own_file_that_lead_elsewhere_are_found(tmp_path, monkeypatch):
    settings = tmp_path / "pip.conf"
    settings.write_text("[global]\ntimeout = 9\n[install]\ntarget = /elsewhere\n", encoding="utf-8")
    monkeypatch.setenv("PIP_CONFIG_FILE", str(settings))
    monkeypatch.setattr(install, "PYTHON", sys.executable)
    assert install.settings_of_pip() == ["install.target='/elsewhere'"]


def test_an_installation_that_went_elsewhere_is_not_taken_for_complete(empty_course, monkeypatch, capfd):
    monkeypatch.setattr(install.shutil, "which", lambda name: None)
    monkeypatch.setattr(install, "ARRIVED", ["-c", "raise SystemExit(1)"])
    monkeypatch.setattr(install, "settings_of_pip", lambda: ["install.target='/elsewhere'"])
    assert install.main() == 1 and not install.STAMP.exists()
    assert "pip is set to install.target='/elsewhere', with which" in capfd.readouterr().out


@pytest.mark.parametrize("name", ["a {course}", "} of mine"])
def test_a_folder_in_which_nothing_can_be_installed_is_named_at_once(
    steps, tmp_path, monkeypatch, capsys, name
):
    folder = tmp_path / name
    folder.mkdir()
    for file in ("requirements.txt", "pyproject.toml"):
        (folder / file).touch()
    monkeypatch.setattr(install, "ROOT", folder)
    assert install.main() == 1 and steps == []
    assert f"The course's folder is {folder}\n" in capsys.readouterr().out


def test_installer_does_nothing_twice(steps):
    assert install.main() == 0
    assert steps == ["venv", "lock", "package"]
    steps.clear()
    assert install.main() == 0
    assert steps == []


def test_installer_redoes_what_has_changed(steps, tmp_path):
    install.main()
    steps.clear()
    (tmp_path / "pyproject.toml").write_text("changed")
    install.main()
    assert steps == ["package"]
    steps.clear()
    (tmp_path / "requirements.txt").write_text("changed")
    install.main()
    assert steps == ["lock", "package"]


@pytest.mark.parametrize("wrong", [KeyboardInterrupt, install.subprocess.CalledProcessError(1, "pip")])
def test_installer_starts_anew_after_an_interruption(steps, monkeypatch, wrong):
    record = install.subprocess.run

    def fails(command, **options):
        if "--require-hashes" in command:
            raise wrong
        return record(command, **options)

    monkeypatch.setattr(install.subprocess, "run", fails)
    if wrong is KeyboardInterrupt:
        with pytest.raises(KeyboardInterrupt):
            install.main()
    else:
        assert install.main() == 1
    steps.clear()
    monkeypatch.setattr(install.subprocess, "run", record)
    assert install.main() == 0
    assert steps == ["venv", "lock", "package"]


@pytest.fixture
def copied(tmp_path, monkeypatch):
    """Return a real .venv, complete, whose Python does not lie where it lay on another machine."""
    venv = tmp_path / ".venv"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", venv], check=True)
    names = {"VENV": venv, "PYTHON": venv / "bin" / "python", "STAMP": venv / "convlab.json"}
    for name, place in names.items():
        monkeypatch.setattr(install, name, place)
    monkeypatch.setattr(install.sys, "argv", ["install.py"])
    install.STAMP.write_text(json.dumps(install.needed()))
    (venv / "a_package").touch()
    for link in install.PYTHON.parent.glob("python*"):
        link.unlink()
        link.symlink_to("/where/it/lay/python")
    return venv


@pytest.mark.skipif(os.name == "nt", reason="on Windows a .venv has no links")
def test_a_copied_venv_is_pointed_to_the_python_of_this_machine(copied, capfd):
    assert install.main() == 0
    assert "Pointed .venv to the Python of this machine" in capfd.readouterr().out
    subprocess.run([install.PYTHON, "-c", ""], check=True)
    assert (copied / "a_package").exists()


@pytest.mark.skipif(os.name == "nt", reason="on Windows a .venv has no links")
def test_a_copied_venv_of_another_python_is_left_as_it_is_and_reported(copied, capfd):
    settings = copied / "pyvenv.cfg"
    settings.write_text(re.sub(r"^version.*", "version = 3.7.9", settings.read_text(), flags=re.MULTILINE))
    assert install.main() == 1
    assert "PYTHON=/path/to/python3.7" in capfd.readouterr().out
    assert (copied / "a_package").exists()


def test_what_a_library_is_about_to_drop_is_an_error_here_and_none_of_ours_elsewhere():
    old = "import warnings\nwarnings.warn('going away', DeprecationWarning)"
    for ours in ("convlab.shapes", "coursekit.running.run"):
        with pytest.raises(DeprecationWarning):
            exec(old, {"__name__": ours})
    with pytest.warns(DeprecationWarning):
        exec(old, {"__name__": "somebody_else"})
