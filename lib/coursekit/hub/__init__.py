"""A JupyterHub for a class: start one on this machine, a student's server, a class of simulated students."""
