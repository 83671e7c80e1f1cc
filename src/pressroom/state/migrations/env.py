"""Alembic's entry: runs the migrations on the file that `migrate` names, all or none of them.

sqlite3 begins no transaction before DDL by itself, and Alembic expects none from SQLite; so it is begun here, before
Alembic looks at what the database has. An interrupted migration leaves nothing, and of two at once one waits.
"""

from alembic import context
from sqlalchemy import create_engine

from pressroom.state.tables import Base

engine = create_engine(f"sqlite:///{context.config.attributes['path']}", isolation_level="AUTOCOMMIT")
with engine.connect() as connection:
    connection.exec_driver_sql("BEGIN IMMEDIATE")
    context.configure(connection=connection, target_metadata=Base.metadata, render_as_batch=True)
    context.run_migrations()
    connection.exec_driver_sql("COMMIT")
