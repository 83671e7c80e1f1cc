"""Create many sites in a row beside a running node, then delete them: seconds for each.

sudo .venv/bin/python bench/many_sites.py --root var [--sites 50]
"""

from __future__ import annotations

import argparse
import logging
import statistics
import time
from pathlib import Path

import httpx
import structlog

from pressroom.operations import sites
from pressroom.operations.node import Node, open_node
from pressroom.stack import nginx


def create(node: Node, domain: str) -> float:
    """Seconds from the command to the first hit."""
    began = time.monotonic()
    new = sites.NewSite.check(
        domain, title=domain, admin_email="a@b.example", admin_user="admin", aliases=[], wordpress="debian"
    )
    site = sites.create(node, new)
    settings = node.state.settings()
    address = f"http://{nginx.loopback(settings)}:{settings.http.port}/"
    while True:
        answer = httpx.get(address, headers={"Host": nginx.host(site, settings)})
        if answer.headers.get("x-pressroom-cache") == "hit":
            return time.monotonic() - began
        time.sleep(0.01)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--root", type=Path, default=Path("var"))
    parser.add_argument("--sites", type=int, default=50)
    arguments = parser.parse_args()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    node = open_node(arguments.root)
    domains = [f"many{number}.localhost" for number in range(arguments.sites)]
    with node.changing("bench many_sites"):
        made = [create(node, domain) for domain in domains]
        began = time.monotonic()
        for domain in domains:
            sites.delete(node, domain)
        deleted = time.monotonic() - began
    tenth = max(1, arguments.sites // 10)
    first, last = statistics.median(made[:tenth]), statistics.median(made[-tenth:])
    print(f"create to first hit  {statistics.median(made):.2f} s (median of {len(made)}), {max(made):.2f} s at most")
    print(f"first {tenth} / last {tenth}     {first:.2f} / {last:.2f} s, ratio {last / first:.2f}")
    print(f"delete               {deleted / len(domains):.2f} s each")


if __name__ == "__main__":
    main()
