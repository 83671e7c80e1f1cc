"""What makes a node and its sites what they should be: root's own process, or the root helper that is asked for it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from pressroom.engine.protocol import ProgramState
from pressroom.model.site import NodeSettings, Site
from pressroom.model.trail import Sealed
from pressroom.pagecache.roster import RosterSite
from pressroom.system.space import Room

# Called with each change in words, and its reason ("because …"), before it is made.
Progress = Callable[[str, str], None]


def silent(change: str, reason: str) -> None:
    return


@dataclass(frozen=True)
class Done:
    """``changes``: how many were made. ``dropped``: the site's pages went, for they are made by what has changed."""

    changes: int
    dropped: bool = False


class Hands(Protocol):
    """Each can be asked again after it was cut short. Raise what the first change that fails raises, and NotRunning
    where nobody is there to be asked.
    """

    def alive(self) -> bool:
        """Whether the engine is."""

    def programs(self) -> dict[str, ProgramState]:
        """The node's programs. Raises NotRunning when the engine is down."""

    def make_node(self, settings: NodeSettings) -> Done:
        """Everything that is not a site's."""

    def make_site(self, site: Site, settings: NodeSettings, roster: Sequence[RosterSite]) -> Done:
        """One site, from nothing or from anywhere on the way. `roster`: all sites."""

    def remove_site(self, site: Site, settings: NodeSettings, roster: Sequence[RosterSite]) -> Done:
        """Take one away. `roster`: the sites that stay."""

    def repair_core(self, site: Site, settings: NodeSettings) -> Done:
        """Put a site's core right, whatever was done to it."""

    def renew_certificate(self, site: Site, settings: NodeSettings) -> Done:
        """With another key."""

    def keep_core(self, source: str) -> str:
        """Store the WordPress that `source` (the argument of --wordpress) gives; returns the core's name."""

    def write_login(self, site: Site, settings: NodeSettings, wanted: dict[str, Any]) -> None:
        """Let a link log in: ``digest`` of its token, ``until`` (Unix seconds), ``user``."""

    def forget_logins(self, site: Site, settings: NodeSettings) -> None:
        """No link that was given out logs in any more."""

    def room(self, site: str) -> tuple[Room, int]:
        """What a site, by its short name, has on disk, and the bytes of its database."""

    def copy_trail(self, rows: Sequence[Sealed], *, anyway: bool) -> int | None:
        """As `witness.copy_lines`, to the node's copy."""
