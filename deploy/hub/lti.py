"""Login from a learning management system, by LTI 1.3: what to add to a hub's configuration.

The hub's operator and the administrator of Moodle or Canvas exchange these values. `load_subconfig("lti.py")`
in a jupyterhub_config.py reads this file; on The Littlest JupyterHub copy it to
/opt/tljh/config/jupyterhub_config.d/. With Zero to JupyterHub the same values stand in zero-to-jupyterhub.yaml.
"""

import os

c = get_config()  # noqa: F821


def wanted(name: str) -> str:
    """Return a variable of the environment; `KeyError` with what to do if it is not set."""
    if not os.environ.get(name):
        raise KeyError(f"{name} is not set: see the table of LTI in deploy/hub/README.md")
    return os.environ[name]


c.JupyterHub.authenticator_class = "ltiauthenticator.lti13.auth.LTI13Authenticator"
c.LTI13Authenticator.issuer = wanted("LTI_ISSUER")
c.LTI13Authenticator.client_id = {wanted("LTI_CLIENT_ID")}
c.LTI13Authenticator.authorize_url = wanted("LTI_AUTHORIZE_URL")
c.LTI13Authenticator.jwks_endpoint = wanted("LTI_JWKS_ENDPOINT")
# the system's own identifier: it stays the same when a student changes name or address
c.LTI13Authenticator.username_key = os.environ.get("LTI_USERNAME_KEY", "sub")
c.LTI13Authenticator.tool_name = "Convolutional networks"
c.LTI13Authenticator.tool_description = "The lessons of the course, each student's own copies"
# whoever the system sends is of the class; without this, JupyterHub 5 lets nobody in
c.LTI13Authenticator.allow_all = True
