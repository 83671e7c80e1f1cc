"""Alembic's entry: runs the migrations on the file that `migrate` names, all or none of them.

sqlite3 begins no transaction before DDL by itself, and Alembic expects none from SQLite; so it is begun here, before
Alembic looks at what the database has. An interrupted migration leaves nothing, and of two at once one waits.
"""

from pathlib import Path

from alembic import context
from sqlalchemy import NullPool, create_engine

from pressroom.state.tables import Base
from pressroom.system import files

path = Path(context.config.attributes["path"])
list(context.script.walk_revisions())  # read while we may: this package's folder may be closed to the state's owner
engine = create_engine(f"sqlite:///{path}", isolation_level="AUTOCOMMIT", poolclass=NullPool)
with files.as_owner_of(path.parent), engine.connect() as connection:
    connection.exec_driver_sql("BEGIN IMMEDIATE")
    context.configure(connection=connection, target_metadata=Base.metadata, render_as_batch=True)
    context.run_migrations()
    connection.exec_driver_sql("COMMIT")
