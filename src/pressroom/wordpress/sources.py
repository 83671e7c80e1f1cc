"""Where a WordPress core comes from: one interface, and the words for it on the command line."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

from pressroom.model.errors import BadSource
from pressroom.wordpress.archives import ArchiveSource
from pressroom.wordpress.folders import DEBIAN, DebianSource, FolderSource
from pressroom.wordpress.releases import LATEST, VERSION, Progress, ReleaseSource

_FORMS = "give `debian`, a version such as `6.4.3`, `latest`, or the path of a folder, a .zip or a .tar.gz"


class Source(Protocol):
    """A place that WordPress can be had from."""

    def describe(self) -> str:
        """What it is, to stand in a sentence."""

    def fingerprint(self) -> str | None:
        """A text that stays the same as long as `fetch` would give the same; None where that costs too much.

        Cheap: it is asked each time a site is created.
        """

    def fetch(self, into: Path) -> None:
        """Make the whole core tree in the empty folder `into`: wp-admin, wp-includes, the PHP files beside
        them, and wp-content as new sites begin with it (the core store drops what else is in these folders).

        Raises BadSource, NotFound or PackageUnavailable; `into` is empty again then.
        """


def parse_source(text: str, *, progress: Progress | None = None) -> Source:
    """The source that `text` (the argument of --wordpress) means. Raises BadSource with the possible forms.

    A folder that is called like a version or like `debian` is given as `./debian`.
    """
    if text == "debian":
        return DebianSource()
    if text == LATEST or VERSION.fullmatch(text):
        return ReleaseSource(text, progress=progress)
    if not text or not text.isprintable():
        raise BadSource(f"{ascii(text)[:60]} is no WordPress source", hint=_FORMS)
    path = Path(text).absolute()
    try:
        if path.is_dir():
            return DebianSource() if path.resolve() == DEBIAN else FolderSource(path)
        if path.is_file():
            return ArchiveSource(path)
        there = path.exists()
    except OSError as error:  # a name that is too long, a folder that may not be entered
        raise BadSource(f"{ascii(text)[:200]} cannot be read: {error.strerror}", hint=_FORMS) from error
    what = "is neither a folder nor a file" if there else "is no version, and no such file or folder is there"
    raise BadSource(f"{text} {what}", hint=_FORMS)
