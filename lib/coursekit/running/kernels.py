"""Kernels for lessons: this interpreter's, without a person's own settings, and gone afterwards."""

import asyncio
import importlib.util
import itertools
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from ipykernel.kernelspec import RESOURCES, get_kernel_dict
from jupyter_client.kernelspec import KernelSpec, KernelSpecManager
from jupyter_client.manager import AsyncKernelManager
from jupyter_client.provisioning import LocalProvisioner
from jupyter_core.utils import run_sync

from convlab.notebook import keras_settings

THREAD_CAPS = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "TF_NUM_INTRAOP_THREADS",
    "TF_NUM_INTEROP_THREADS",
)
# each of these would make a lesson's outputs depend on who runs it
NOT_PASSED_ON = {
    *("MPLBACKEND", "COLUMNS", "LINES", "CLICOLOR_FORCE", "FORCE_COLOR", "TF_USE_LEGACY_KERAS", "XLA_FLAGS"),
    *("PYTHONHOME", "PYTHONSTARTUP", "PYTHONIOENCODING", "PYTHONOPTIMIZE", "PYTHONWARNINGS"),
}
# where this coursekit lies, and the convlab that belongs to it
LIBRARY = str(Path(__file__).resolve().parents[2])
LONGEST_SOCKET_PATH = 90  # the shortest limit is 103 bytes, on macOS

if sys.platform == "win32":  # ZeroMQ does not work with the loop that is usual there
    asyncio.set_event_loop_policy(asyncio.WindowsSelectorEventLoopPolicy())


def environment(scratch: Path, threads: int | None = None) -> dict[str, str]:
    """Return the variables of a kernel that nobody watches, whose progress and settings are in `scratch`."""
    own = {
        "CONVLAB_PROGRESS": str(scratch / "progress.json"),
        "PYDEVD_DISABLE_FILE_VALIDATION": "1",
        "TQDM_DISABLE": "1",  # the stored outputs would hold each state of a bar
    }
    caps = dict.fromkeys(THREAD_CAPS, str(threads)) if threads else {}
    return without_settings_of_its_user(scratch) | own | caps


def without_settings_of_its_user(folder: Path) -> dict[str, str]:
    """Return the variables of this process, less what a person has set for Keras, Matplotlib and Python.

    Keras and IPython then keep their settings in `folder`. A PYTHONPATH leads to this course's modules and to
    no others, as another clone's or another NumPy.
    """
    kept = {name: value for name, value in os.environ.items() if name not in NOT_PASSED_ON}
    if "PYTHONPATH" in kept:
        kept["PYTHONPATH"] = LIBRARY
    return kept | {
        "IPYTHONDIR": str(folder / "ipython"),
        "KERAS_BACKEND": keras_settings.BACKEND,
        "KERAS_HOME": str(folder / "keras"),
        "MATPLOTLIBRC": _matplotlibs_own_settings(),
        "PYTHONUTF8": "1",
    }


def overridden() -> list[str]:
    """Return a sentence for each of a person's settings that lessons do not use."""
    here = os.environ
    lessons = without_settings_of_its_user(Path())
    names = ["KERAS_BACKEND", "MATPLOTLIBRC", *sorted(NOT_PASSED_ON)]
    changed = [name for name in names if name in here and here[name] != lessons.get(name)]
    found = [
        f"{name}={here[name]} is not used: lessons need {lessons.get(name, 'the default')}"
        for name in changed
    ]
    path = Path(here.get("KERAS_HOME") or Path.home() / ".keras") / "keras.json"
    try:
        settings = json.loads(path.read_text(encoding="utf-8"))
        needed = {"backend": keras_settings.BACKEND, **keras_settings.SETTINGS}
        own = [(name, settings[name], value) for name, value in needed.items() if name in settings]
    except (OSError, ValueError, TypeError):  # there is none, or none that Keras could read
        own = []
    return found + [
        f"{name}={has} in {path} is not used: lessons need {need}" for name, has, need in own if has != need
    ]


def _matplotlibs_own_settings() -> str:
    """Return where the settings are that Matplotlib comes with."""
    spec = importlib.util.find_spec("matplotlib")
    package = Path(spec.origin).parent if spec and spec.origin else Path()
    return str(package / "mpl-data" / "matplotlibrc")


class ThisPython(KernelSpecManager):
    """Knows one kernel under every name: the Python that runs this."""

    def get_kernel_spec(self, kernel_name: str) -> KernelSpec:
        """Return that kernel."""
        return KernelSpec(resource_dir=RESOURCES, **get_kernel_dict())

    def find_kernel_specs(self) -> dict[str, str]:
        """Return the one name under which JupyterLab lists it."""
        return {"python3": RESOURCES}


def connection(scratch: Path, name: str) -> dict:
    """Return a manager's options: sockets in `scratch`, as kernels that start at once race for ports."""
    options = {"kernel_spec_manager": ThisPython(), "connection_file": str(scratch / f"{name}.json")}
    if sys.platform != "win32" and len(os.fsencode(scratch / name)) < LONGEST_SOCKET_PATH:
        options["transport"] = "ipc"
    return options


class Kernel(AsyncKernelManager):
    """A manager that remembers the client made from it, so that both can be closed."""

    made = None

    def client(self, **options):
        """Return a new client."""
        self.made = super().client(**options)
        return self.made

    @property
    def process(self) -> subprocess.Popen | None:
        """The kernel's process, once started."""
        return self.provisioner.process if isinstance(self.provisioner, LocalProvisioner) else None

    def kill(self) -> None:
        """End the kernel and what it has started, without asking."""
        if self.process is not None:
            end_group(self.process)

    def interrupt(self) -> None:
        """Interrupt the cell that runs, where the system has signals for it."""
        if self.process is not None and hasattr(os, "killpg"):
            with suppress(OSError):
                os.killpg(self.process.pid, signal.SIGINT)


def end_group(process: subprocess.Popen) -> None:
    """End a kernel's process and what it has started."""
    with suppress(OSError):
        if hasattr(os, "killpg"):
            os.killpg(process.pid, signal.SIGKILL)  # it leads a process group of its own
        else:
            process.kill()


class Kernels:
    """The kernels of one run, in a folder of their own; leaving the context ends them all."""

    def __init__(self) -> None:
        self.scratch = Path(tempfile.mkdtemp(prefix="convlab-"))
        self._numbers = itertools.count(1)
        self._lock = threading.Lock()
        self._running: list[Kernel] = []
        self._closed = False

    def __enter__(self) -> "Kernels":
        return self

    def __exit__(self, *_) -> None:
        self.kill()
        shutil.rmtree(self.scratch, ignore_errors=True)

    def kill(self) -> None:
        """End all kernels and let no other start."""
        with self._lock:
            self._closed = True
            for kernel in self._running:
                kernel.kill()

    @contextmanager
    def start(self, folder: Path, threads: int | None = None) -> Iterator[Kernel]:
        """Start a kernel in `folder`, one at a time, and end it on leaving the context."""
        name = f"k{next(self._numbers)}"
        kernel = Kernel(**connection(self.scratch, name))
        with self._lock, open(self.scratch / f"{name}.log", "wb") as log:
            if self._closed:
                raise RuntimeError("the run has been stopped")
            self._running.append(kernel)
            run_sync(kernel.start_kernel)(
                cwd=str(folder),
                env=environment(self.scratch, threads),
                stdout=log,
                stderr=log,
                extra_arguments=["--HistoryManager.hist_file=:memory:"],
            )
        try:
            yield kernel
        finally:
            self._stop(kernel)

    def _stop(self, kernel: Kernel) -> None:
        """End one kernel and close what led to it."""
        with self._lock:
            self._running.remove(kernel)
        process = kernel.process
        kernel.kill()
        if process is not None:
            process.wait()
        if kernel.made is not None:
            kernel.made.stop_channels()
        run_sync(kernel.cleanup_resources)()
