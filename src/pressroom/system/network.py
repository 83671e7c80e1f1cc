"""The way from behind a tenant's walls to the world: a network of its own, joined to the machine's by two devices.

What may pass is the node's nftables rules' (stack/templates/walls.nft.j2), which know these devices by their names.
Device and address are made of the process's number, which is nobody else's while it lives; the kernel takes both away
with the last process.
"""

from __future__ import annotations

import ipaddress
import re
from pathlib import Path

from pressroom.system import process

# The machine's side of every pair, in what RFC 3927 leaves to the link itself.
GATEWAY = "169.254.1.1"
# RFC 6598's, which no machine on a public network has; it has 22 bits, as process numbers have (PID_MAX_LIMIT).
ADDRESSES = ipaddress.IPv4Network("100.64.0.0/10")
_INSIDE = "eth0"
_FORWARDING = Path("/proc/sys/net/ipv4/ip_forward")


def device_prefix(prefix: str) -> str:
    """What the devices' names of this node begin with (15 letters are the most: `v`, six, `p`, seven)."""
    return f"v{prefix.removeprefix('pr')}p"


def table(prefix: str) -> str:
    """Name of the node's table of rules."""
    return f"pressroom_{prefix}"


def rules_in_force(prefix: str) -> str | None:
    """The name (a digest) of the rules that the kernel follows now; None where it follows none of ours."""
    if _FORWARDING.read_text().strip() != "1":
        return None
    done = process.run(["nft", "list", "table", "inet", table(prefix)], check=False)
    found = re.search(r'comment "([0-9a-f]+)"', done.stdout)
    return found.group(1) if found else None


def put_in_force(rules: str) -> None:
    """Have the kernel follow these rules, in one step, and pass packets on. Raises CommandFailed."""
    process.run(["nft", "-f", "-"], stdin=rules)
    _FORWARDING.write_text("1")


def remove_rules(prefix: str) -> None:
    process.run(["nft", "delete", "table", "inet", table(prefix)], check=False)


def connect(prefix: str, pid: int) -> None:
    """Join the network of process `pid` to the machine's. Raises CommandFailed."""
    device, address = f"{device_prefix(prefix)}{pid}", ADDRESSES[pid]
    _ip(
        [],
        f"link add {device} type veth peer name {_INSIDE} netns {pid}",
        f"addr add {GATEWAY}/32 dev {device} scope link",
        f"link set {device} up",
        f"route add {address}/32 dev {device}",
    )
    # The node's pages may be served on its loopback alone; what may pass there is the rules' to say.
    Path(f"/proc/sys/net/ipv4/conf/{device}/route_localnet").write_text("1")
    _ip(
        ["nsenter", f"--net=/proc/{pid}/ns/net"],
        f"addr add {address}/32 dev {_INSIDE}",
        f"link set {_INSIDE} up",
        f"route add {GATEWAY} dev {_INSIDE} scope link",
        f"route add default via {GATEWAY} dev {_INSIDE}",
    )


def _ip(within: list[str], *commands: str) -> None:
    process.run([*within, "ip", "-4", "-batch", "-"], stdin="\n".join(commands) + "\n", timeout=10)
