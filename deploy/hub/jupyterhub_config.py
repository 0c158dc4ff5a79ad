"""JupyterHub on one machine, for trials. `make hub` starts it; README.md says what a class needs instead.

It reads the environment: CONVLAB_HUB_PYTHON (the course's Python), CONVLAB_HUB_PORT, CONVLAB_HUB_PASSWORD,
CONVLAB_HUB_IDLE (seconds), CONVLAB_HUB_USERS (`trial` or `system`), CONVLAB_DATA.
"""

import os
import sys
from pathlib import Path

import jupyterhub

COURSE = Path(__file__).resolve().parents[2]
PORT = int(os.environ.get("CONVLAB_HUB_PORT", "8000"))
IDLE = int(os.environ.get("CONVLAB_HUB_IDLE", "3600"))
USERS = os.environ.get("CONVLAB_HUB_USERS", "trial")
DATA = os.environ.get("CONVLAB_DATA", "")

c = get_config()  # noqa: F821

# one machine: nothing listens to the network
c.JupyterHub.bind_url = f"http://127.0.0.1:{PORT}"
c.ConfigurableHTTPProxy.api_url = f"http://127.0.0.1:{PORT + 1}"
c.ConfigurableHTTPProxy.command = [os.environ.get("CONVLAB_HUB_PROXY", "configurable-http-proxy")]
c.JupyterHub.hub_bind_url = f"http://127.0.0.1:{PORT + 2}"

# whose server it is
c.Authenticator.allow_all = True
c.Authenticator.username_pattern = r"[a-z][a-z0-9-]{0,30}"  # a name becomes a folder
if USERS == "system":  # users of this machine and their passwords: the hub must run as root
    c.JupyterHub.authenticator_class = "pam"
    c.JupyterHub.spawner_class = "jupyterhub.spawner.LocalProcessSpawner"
elif USERS == "trial":
    c.JupyterHub.authenticator_class = "shared-password"
    c.SharedPasswordAuthenticator.user_password = os.environ["CONVLAB_HUB_PASSWORD"]
    c.JupyterHub.spawner_class = "jupyterhub.spawner.SimpleLocalProcessSpawner"
    c.SimpleLocalProcessSpawner.home_dir_template = str(Path.cwd() / "homes" / "{username}")
    c.JupyterHub.template_vars = {
        "announcement_login": "This is a trial hub: one password opens every name, and homes are not separated."
    }
else:
    raise ValueError(f"CONVLAB_HUB_USERS={USERS!r} is neither 'trial' nor 'system'")

# a student's server: the course's Python; jupyterhub itself comes from the hub's packages
c.Spawner.cmd = [os.environ.get("CONVLAB_HUB_PYTHON", sys.executable), "-m", "coursekit", "hub-server"]
if hasattr(os, "geteuid") and os.geteuid() == 0 and USERS == "trial":
    c.Spawner.args = ["--allow-root"]
c.Spawner.environment = {
    "PYTHONPATH": str(COURSE / "lib"),
    "CONVLAB_HUB_PACKAGES": str(Path(jupyterhub.__file__).parents[1]),
    "JUPYTERHUB_ACTIVITY_INTERVAL": str(max(1, min(300, IDLE // 10))),
    "CONVLAB_HUB_FOLDER": os.environ.get("CONVLAB_HUB_FOLDER", ""),
    **({"CONVLAB_DATA": DATA} if DATA else {}),
}
# on a busy machine a server takes a minute to start; whoever asks sees the page that waits, at once
c.JupyterHub.tornado_settings = {"slow_spawn_timeout": 0}
c.Spawner.start_timeout = 300
c.Spawner.http_timeout = 300
c.JupyterHub.concurrent_spawn_limit = 20
c.JupyterHub.active_server_limit = 0

# memory and cores: local processes are not limited by these two, containers and systemd's units are
c.Spawner.mem_limit = "4G"
c.Spawner.cpu_limit = 2

# end what nobody uses
c.JupyterHub.services = [
    {
        "name": "idle-culler",
        "command": [sys.executable, "-m", "jupyterhub_idle_culler", f"--timeout={IDLE}"],
    }
]
c.JupyterHub.load_roles = [
    {
        "name": "idle-culler",
        "services": ["idle-culler"],
        "scopes": ["list:users", "read:users:activity", "read:servers", "delete:servers"],
    }
]
