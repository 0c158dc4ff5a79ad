"""Lesson 26's service on Ray Serve: the same application, one copy on each of two nodes of a cluster.

On the first machine, then on the second, with the same settings in the environment (deploy/README.md):

    ray start --head --port=6379 --disable-usage-stats
    ray start --address=FIRST:6379
    python deploy/ray/application.py          # on the first: it makes what a first start needs, and deploys
"""

import argparse
import sys

import ray
from ray import serve

from convlab.printing import say
from convlab.serving import service
from convlab.serving.__main__ import WELCOME
from convlab.serving.app import from_environment
from convlab.serving.settings import Settings


def main() -> int:
    """Deploy the service on the cluster that runs, and return 0 once every copy answers."""
    parser = argparse.ArgumentParser(description="Deploy the service on a cluster of Ray.")
    parser.add_argument("--host", default="127.0.0.1", help="address at which each node listens")
    parser.add_argument("--port", type=int, default=8000, help="port at which each node listens")
    parser.add_argument("--copies", type=int, default=2, help="copies, one a node at most")
    given = parser.parse_args()
    settings = Settings.from_environment()
    if password := service.prepare(settings):
        say(WELCOME.format(password=password), flush=True)
    ray.init(address="auto", log_to_driver=False)
    serve.start(proxy_location="EveryNode", http_options={"host": given.host, "port": given.port})
    copies = serve.deployment(
        serve.ingress(from_environment)(),  # built in each copy, from its own environment
        name="service",
        num_replicas=given.copies,
        max_replicas_per_node=1,
        max_ongoing_requests=settings.waiting,
        max_queued_requests=settings.waiting,  # more are refused with 503
        graceful_shutdown_timeout_s=settings.stop_seconds,
    )
    serve.run(copies.bind(), name="convlab", route_prefix="/")
    say(f"The service answers at port {given.port} of every node that has a copy.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
