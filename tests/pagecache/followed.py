"""Two sites' pages over a real MariaDB, whose binlog they are followed by; who looks at the tables is MariaDB too."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path

import pymysql

from pressroom.pagecache.binlog.master import Master
from pressroom.pagecache.binlog.positions import Position
from pressroom.pagecache.binlog.tailer import Tailer
from pressroom.pagecache.matching.reads import Reads
from tests.pagecache.cache_world import World
from tests.pagecache.staging import rendered


class Followed:
    """Databases and sites are `s1` and `s2`."""

    def __init__(self, world: World, socket: Path, tables: Sequence[str]) -> None:
        """`tables`: how each site's are made."""
        self.world = world
        self._root = pymysql.connect(unix_socket=str(socket), user="root", autocommit=True)
        for site in world.names:
            self.say(f"CREATE OR REPLACE DATABASE {site}", f"USE {site}", *tables)
        self.master = Master(socket, "root", socket.parent / "data")
        world.index.dependencies._schema_of = self.master.schema
        place = self.master.newest_place()
        world.cache.start_at(place, "a test begins")
        self._tailer = Tailer(
            self.master.settings, self.master.tailer_id, self.master.binlogs, place.file, place.offset
        )
        self._transactions = self._tailer.transactions()

    def say(self, *statements: str) -> None:
        with self._root.cursor() as cursor:
            for statement in statements:
                cursor.execute(statement)

    def render(self, site: str, reads: Reads) -> None:
        """Its front page, with all that was said up to now."""
        self.follow()
        place = self.world.cache.place
        assert place is not None
        page = rendered(self.world.folder / "staging", b"text", Position.parse(place.file, place.offset), reads)
        assert self.world.cache.publish(self.world.cache.begin(site, "/"), page).refused is None

    def follow(self) -> float:
        """All that was said up to now; seconds of the processor that it took."""
        newest = self.master.newest_sequence()
        began = time.thread_time()
        while self.world.cache.passed < newest:
            self.world.cache.apply(next(self._transactions), self._tailer.file)
        return time.thread_time() - began

    def close(self) -> None:
        self._tailer.close()
        self._root.close()
