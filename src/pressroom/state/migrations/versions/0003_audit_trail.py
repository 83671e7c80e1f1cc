"""The audit's lines hold the hash of the line before; those that are there are chained as they stand."""

import hashlib
import json

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"

_EMPTY = dict.fromkeys(("person_by", "user", "origin", "origin_by", "terminal", "process"), "")


def upgrade() -> None:
    connection = op.get_bind()
    old = connection.execute(sa.text("SELECT at, actor, command, detail FROM audit ORDER BY id")).all()
    op.drop_table("audit")
    audit = op.create_table(
        "audit",
        sa.Column("number", sa.Integer(), primary_key=True),
        sa.Column("text", sa.String(), nullable=False),
        sa.Column("hash", sa.String(), nullable=False),
    )
    previous = "0" * 64
    for number, (at, actor, command, detail) in enumerate(old, start=1):
        line = {
            "at": f"{str(at).replace(' ', 'T')}+00:00", "event": "done", "actor": {"person": actor, **_EMPTY},
            "command": command, "site": "", "detail": detail, "begun": None, "number": number, "previous": previous,
        }  # fmt: skip
        text = json.dumps(line, sort_keys=True, separators=(",", ":"))
        previous = hashlib.sha256(text.encode()).hexdigest()
        connection.execute(audit.insert().values(number=number, text=text, hash=previous))


def downgrade() -> None:
    op.drop_table("audit")
    op.create_table(
        "audit",
        sa.Column("id", sa.Integer(), primary_key=True),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("actor", sa.String(), nullable=False),
        sa.Column("command", sa.String(), nullable=False),
        sa.Column("detail", sa.String(), nullable=False),
    )
