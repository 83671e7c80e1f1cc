"""Tells the scanner which files something befell: datagrams, so that nobody waits for it, and it may be down."""

from __future__ import annotations

import contextlib
import socket
from pathlib import Path

from pressroom.model.layout import Layout
from pressroom.system import messages


class ToldScanner:
    """What it does not hear, it finds at its daily look."""

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.setblocking(False)

    def tell(self, site: str, path: Path) -> None:
        """Of a file or folder in the site's document root."""
        public = self._layout.site(site).public
        if path.is_relative_to(public):
            with contextlib.suppress(OSError):
                message = messages.encode({"site": site, "path": str(path.relative_to(public))})
                self._socket.sendto(message, str(self._layout.changes_socket))
