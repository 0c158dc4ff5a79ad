#!/usr/bin/env bash
# The Littlest JupyterHub, one server for a class. Run as root, on the server, after its installer:
#     bash littlest-jupyterhub.sh /srv/course
# /srv/course is this course, cloned. Students get users of the system, homes that others cannot read, and
# limits by systemd. README.md says what of this was tried.
set -euo pipefail
course=${1:?"the folder of the course, such as /srv/course"}
[ -f "$course/requirements.txt" ] || { echo "$course is not the course: it has no requirements.txt"; exit 1; }

# the course has an environment of its own beside TLJH's; jupyterhub there is of the hub's own version
version=$(/opt/tljh/hub/bin/python -c 'import jupyterhub; print(jupyterhub.__version__)')
python3 -m venv "$course/.venv"
"$course/.venv/bin/pip" install --quiet --require-hashes -r "$course/requirements.txt"
"$course/.venv/bin/pip" install --quiet --no-deps --no-build-isolation -e "$course"
"$course/.venv/bin/pip" install --quiet "jupyterhub==$version"

# the data sets, once for all; students read the course and cannot write to it
CONVLAB_DATA="$course/shared-data" "$course/.venv/bin/python" -m convlab.datasets --wait 3600 || echo "Some data sets are missing: lessons then use stand-ins and say so."
chown -R root:root "$course"
chmod -R go-w,a+rX "$course"

install --directory /opt/tljh/config/jupyterhub_config.d
cat > /opt/tljh/config/jupyterhub_config.d/convlab.py <<CONFIG
c.Spawner.cmd = ["$course/.venv/bin/python", "-m", "coursekit", "hub-server"]
c.Spawner.environment = {"CONVLAB_DATA": "$course/shared-data"}
c.Spawner.start_timeout = 300
CONFIG

# memory and cores of one student, from the table in README.md
tljh-config set limits.memory 4G
tljh-config set limits.cpu 2
tljh-config set services.cull.enabled true
tljh-config set services.cull.timeout 3600
tljh-config set services.cull.every 600
tljh-config reload
