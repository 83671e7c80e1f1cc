"""What a plan is made of: frozen descriptions of single changes, each with its reason. They do nothing themselves."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from pressroom.engine.protocol import Program
from pressroom.model.walls import AccountCaps, Space


@dataclass(frozen=True)
class Action:
    """One change. ``reason`` completes the sentence "because …"."""

    reason: str = field(kw_only=True)

    def sentence(self) -> str:
        """The change in a few words, for the preview and the log."""
        raise NotImplementedError  # pragma: no cover


@dataclass(frozen=True)
class EnsureUser(Action):
    """A Unix user without a home or a shell."""

    name: str
    joins: tuple[str, ...] = ()

    def sentence(self) -> str:
        return f"make the Unix user {self.name}"


@dataclass(frozen=True)
class RemoveUser(Action):
    name: str

    def sentence(self) -> str:
        return f"remove the Unix user {self.name}"


@dataclass(frozen=True)
class MakeDirectory(Action):
    path: Path
    mode: int = 0o755
    owner: str = "root"
    group: str = "root"

    def sentence(self) -> str:
        return f"make the folder {self.path}"


@dataclass(frozen=True)
class WriteFile(Action):
    """Replace a file's text in one step. The text is not shown."""

    path: Path
    text: str = field(repr=False)
    mode: int = 0o644
    owner: str = "root"
    group: str = "root"

    def sentence(self) -> str:
        return f"write {self.path}"


@dataclass(frozen=True)
class WriteUserFile(Action):
    """Write a file where a site's user can write too: done as that user, so that no link leads elsewhere."""

    path: Path
    text: str = field(repr=False)
    user: str

    def sentence(self) -> str:
        return f"write {self.path} as {self.user}"


@dataclass(frozen=True)
class LimitSpace(Action):
    """What a Unix user may have on the disk of the node, which counts it."""

    user: str
    most: Space

    def sentence(self) -> str:
        return f"bound the space of {self.user}"


@dataclass(frozen=True)
class MakeImage(Action):
    """An empty file system in a file."""

    path: Path
    most: Space

    def sentence(self) -> str:
        return f"make the file system {self.path}"


@dataclass(frozen=True)
class MountImage(Action):
    """A site's home, which holds the folder of its gate as well: the site writes there too."""

    path: Path
    home: Path
    gate: Path

    def sentence(self) -> str:
        return f"mount {self.path}"


@dataclass(frozen=True)
class RemoveImage(Action):
    """Unmounted and gone; there may be none."""

    path: Path
    home: Path
    gate: Path

    def sentence(self) -> str:
        return f"remove the file system {self.path}"


@dataclass(frozen=True)
class MakeUserDirectory(Action):
    """Make a private folder (0700) as a site's user."""

    path: Path
    user: str

    def sentence(self) -> str:
        return f"make the folder {self.path} as {self.user}"


@dataclass(frozen=True)
class RemovePath(Action):
    """Remove a file or a folder with all below it."""

    path: Path

    def sentence(self) -> str:
        return f"remove {self.path}"


@dataclass(frozen=True)
class MakeDataDirectory(Action):
    """MariaDB's first data."""

    data: Path
    config: Path
    user: str

    def sentence(self) -> str:
        return "make MariaDB's first data"


@dataclass(frozen=True)
class EnsurePlatformAccount(Action):
    user: str

    def sentence(self) -> str:
        return f"make the database account {self.user}"


@dataclass(frozen=True)
class EnsureGovernorAccount(Action):
    user: str

    def sentence(self) -> str:
        return f"make the database account {self.user}"


@dataclass(frozen=True)
class EnsureDatabase(Action):
    database: str
    user: str
    caps: AccountCaps

    def sentence(self) -> str:
        return f"make the database {self.database} and its account"


@dataclass(frozen=True)
class RemoveDatabase(Action):
    database: str
    user: str

    def sentence(self) -> str:
        return f"remove the database {self.database} and its account"


@dataclass(frozen=True)
class PutUpWalls(Action):
    """The rules for the sites' networks, which the kernel forgets when the machine ends."""

    rules: str = field(repr=False)

    def sentence(self) -> str:
        return "put up the walls of the sites' networks"


@dataclass(frozen=True)
class MakeAuthority(Action):
    """The node's own, with a new key."""

    path: Path
    certificate: Path

    def sentence(self) -> str:
        return "make the authority for the sites' certificates"


@dataclass(frozen=True)
class IssueCertificate(Action):
    """A key and a certificate for these host names, signed by the authority at that place."""

    path: Path
    names: tuple[str, ...]
    authority: Path

    def sentence(self) -> str:
        return f"issue a certificate for {', '.join(self.names)}"


@dataclass(frozen=True)
class PlantCore(Action):
    """Build a document root from a stored core."""

    core: str
    public: Path
    owner: str
    group: str
    marker: Path

    def sentence(self) -> str:
        return f"lay WordPress {self.core} into {self.public}"


@dataclass(frozen=True)
class ExchangeCore(Action):
    """Move a site to another core: its PHP stopped meanwhile, its database brought to the core's version."""

    site: str
    old: str
    new: str
    public: Path
    program: str
    marker: Path

    def sentence(self) -> str:
        return f"move {self.site} from WordPress {self.old} to {self.new}"


@dataclass(frozen=True)
class RepairCore(Action):
    """Put the core's files back where they are missing or were changed: the site's PHP stopped meanwhile."""

    site: str
    core: str
    public: Path
    user: str
    group: str
    program: str

    def sentence(self) -> str:
        return f"put {self.core}'s files back into {self.public}"


@dataclass(frozen=True)
class InstallWordPress(Action):
    """Fill the site's database with a new WordPress. ``marker`` is written when it is whole."""

    site: str
    marker: Path

    def sentence(self) -> str:
        return f"install WordPress for {self.site}"


@dataclass(frozen=True)
class DefineProgram(Action):
    program: Program

    def sentence(self) -> str:
        return f"run {self.program.name}"


@dataclass(frozen=True)
class RemoveProgram(Action):
    name: str

    def sentence(self) -> str:
        return f"end {self.name}"


@dataclass(frozen=True)
class StartProgram(Action):
    name: str

    def sentence(self) -> str:
        return f"start {self.name}"


@dataclass(frozen=True)
class AwaitMariaDB(Action):
    def sentence(self) -> str:
        return "wait for MariaDB"


@dataclass(frozen=True)
class AwaitInvalidator(Action):
    def sentence(self) -> str:
        return "wait for the invalidator"


@dataclass(frozen=True)
class AwaitRenderer(Action):
    def sentence(self) -> str:
        return "wait for the renderer"


@dataclass(frozen=True)
class SwapNginxFiles(Action):
    """Change nginx's files: tested beside, swapped, reloaded, and taken back when nginx refuses them."""

    files: tuple[tuple[Path, str | None], ...] = field(repr=False)

    def sentence(self) -> str:
        names = ", ".join(path.name for path, _ in self.files)
        return f"change nginx's {names}"


@dataclass(frozen=True)
class WriteRoster(Action):
    """The list of sites for the daemons; those at whose sockets sites connect are told."""

    path: Path
    text: str = field(repr=False)

    def sentence(self) -> str:
        return "tell the daemons which sites there are"


@dataclass(frozen=True)
class DropPages(Action):
    """Take all of a site's pages out of its store, for a reason that no write to its database tells."""

    site: str

    def sentence(self) -> str:
        return f"take {self.site}'s pages out of the store"


@dataclass(frozen=True)
class Plan:
    """Changes in the order in which they are made."""

    actions: tuple[Action, ...]

    def __bool__(self) -> bool:
        return bool(self.actions)
