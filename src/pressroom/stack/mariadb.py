"""MariaDB's configuration as text."""

from __future__ import annotations

import zlib

from pressroom.model.layout import Layout
from pressroom.stack.templates import fill


def server_config(layout: Layout, *, buffer_pool: str = "256M", max_connections: int = 500) -> str:
    return fill(
        "mariadb.cnf.j2",
        data=layout.mariadb_data,
        binlogs=layout.binlogs,
        socket=layout.mariadb_socket,
        run=layout.mariadb_run,
        log=layout.log,
        # Part of every GTID, so that another node's binlog is never taken for this one's.
        server_id=zlib.crc32(str(layout.root).encode()) % 900_000 + 1,
        buffer_pool=buffer_pool,
        max_connections=max_connections,
    )
