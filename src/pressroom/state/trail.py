"""The audit trail in the state database: lines are appended, and read; nothing changes one."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager

from sqlalchemy import select
from sqlalchemy.orm import Session

from pressroom.model.trail import GENESIS, Line, Sealed, sealed
from pressroom.state.tables import AuditRow

Sessions = Callable[[], AbstractContextManager[Session]]


class Trail:
    """`writing` is one transaction, the only writer from its beginning: no two lines get one number."""

    def __init__(self, reading: Sessions, writing: Sessions) -> None:
        self._reading = reading
        self._writing = writing

    def append(self, line: Line) -> Sealed:
        """Gives it its number and the hash of the line before."""
        with self._writing() as session:
            last = session.scalar(select(AuditRow).order_by(AuditRow.number.desc()).limit(1))
            kept = sealed(line, 1, GENESIS) if last is None else sealed(line, last.number + 1, last.hash)
            session.add(AuditRow(number=kept.number, text=kept.text, hash=kept.hash))
        return kept

    def rows(self, after: int = 0) -> list[Sealed]:
        """All lines, or those with larger numbers, in their order."""
        with self._reading() as session:
            rows = session.scalars(select(AuditRow).where(AuditRow.number > after).order_by(AuditRow.number))
            return [Sealed(row.number, row.text, row.hash) for row in rows]
