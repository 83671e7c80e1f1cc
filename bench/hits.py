"""Hits under load: saturation first, then a fixed rate of half of it over 1,000 open connections, with p50 and p99.

    .venv/bin/python -m bench.hits http://news.localhost:8080/ [--connections 1000] [--seconds 20]

Each connection pauses between its requests, so the rate is nearly fixed. Needs Debian's wrk; loopback alone.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import tempfile
from urllib.parse import urlsplit


def saturation(url: str, host: str, connections: int) -> float:
    """Requests a second at full load."""
    report = _run(["wrk", "-t2", f"-c{connections}", "-d8s", "-H", f"Host: {host}", "-H", "Accept-Encoding: br", url])
    match = re.search(r"Requests/sec:\s*([0-9.]+)", report)
    if match is None or "Non-2xx" in report:
        raise SystemExit(f"wrk saw errors:\n{report}")
    return float(match.group(1))


def latencies(url: str, host: str, connections: int, rate: float, seconds: int) -> str:
    """wrk's report of a load at about `rate`: each connection waits a random time, mean `connections / rate`."""
    mean = max(1, round(connections / rate * 1000))
    with tempfile.NamedTemporaryFile("w", suffix=".lua") as script:
        script.write(f"function delay() return math.random(0, {2 * mean}) end\n")
        script.flush()
        return _run(
            ["wrk", "-t2", f"-c{connections}", f"-d{seconds}s", "--latency", "-s", script.name,
             "-H", f"Host: {host}", "-H", "Accept-Encoding: br", url]
        )  # fmt: skip


def _run(argv: list[str]) -> str:
    return subprocess.run(argv, check=True, capture_output=True, text=True).stdout


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("url")
    parser.add_argument("--connections", type=int, default=1000)
    parser.add_argument("--seconds", type=int, default=20)
    arguments = parser.parse_args()
    parts = urlsplit(arguments.url)
    url = f"http://127.0.0.1:{parts.port or 80}{parts.path or '/'}"
    most = saturation(url, parts.netloc, arguments.connections)
    report = latencies(url, parts.netloc, arguments.connections, most / 2, arguments.seconds)
    print(f"saturation  {most:,.0f} requests/s over {arguments.connections} connections\nhalf of it:")
    wanted = r"^\s+(?:50%|99%)|Requests/sec|Non-2xx|Socket errors|^\s+Latency\s+\d"
    print("\n".join(line for line in report.splitlines() if re.search(wanted, line)))


if __name__ == "__main__":
    main()
