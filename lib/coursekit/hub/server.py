"""Start a student's own server on a JupyterHub: `python -m coursekit hub-server`.

The hub starts this as the student, in the student's home: with local processes, in a container, on The
Littlest JupyterHub. It makes the student's copies of the lessons, then becomes jupyterhub-singleuser.
"""

import argparse
import os
import sys
from pathlib import Path

from coursekit.lessons import CourseError
from coursekit.running import lab
from coursekit.running.kernels import THREAD_CAPS, without_settings_of_its_user

FIRST_PAGE = f"/lab/tree/my_lessons/{lab.FIRST}"
IDLE_KERNEL = 1200  # seconds after which a kernel that computes nothing ends; its notebook stays
# the course's own packages come first: those of the hub are searched only for what the course does not have
BECOME = (
    "import os, site; folder = os.environ.get('CONVLAB_HUB_PACKAGES'); folder and site.addsitedir(folder); "
    "from jupyterhub.singleuser import main; main()"
)


def main(argv: list[str]) -> int:
    """Become the server of the student in whose home this runs; other options go to JupyterHub's server."""
    parser = argparse.ArgumentParser(prog="python -m coursekit hub-server", allow_abbrev=False)
    parser.add_argument("--idle-kernel", type=int, default=IDLE_KERNEL, metavar="SECONDS")
    chosen, options = parser.parse_known_args(argv)
    if "JUPYTERHUB_API_TOKEN" not in os.environ:
        raise CourseError("hub-server is started by a JupyterHub. On a machine of your own: make lab")
    home = Path.home()
    lab.copies("", home / "my_lessons")
    command = [sys.executable, "-c", BECOME, f"--ServerApp.root_dir={home}"]
    command += [f"--ServerApp.default_url={FIRST_PAGE}"]
    command += ["--ServerApp.kernel_spec_manager_class=coursekit.running.kernels.ThisPython"]
    command += [f"--MappingKernelManager.cull_idle_timeout={chosen.idle_kernel}"]
    command += ["--MappingKernelManager.cull_connected=True"]
    return lab.start([*command, *options], variables(home))


def variables(home: Path) -> dict[str, str]:
    """Return the variables of a student's server and kernels: what is the student's lies in `home`.

    Where the hub gives a share of the cores (`CPU_LIMIT`), NumPy and TensorFlow start no more threads than
    that: otherwise each student's kernel has as many as the machine has cores.
    """
    own = home / ".convlab"
    limit = os.environ.get("CPU_LIMIT", "")
    threads = {} if not limit else dict.fromkeys(THREAD_CAPS, str(max(1, round(float(limit)))))
    return {
        "CONVLAB_PROGRESS": str(own / "progress.json"),
        "CONVLAB_OFFLINE": "1",
        **without_settings_of_its_user(own),
        **threads,
        "JUPYTER_CONFIG_PATH": lab.config_path(own / "config"),
    }
