"""Alembic's entry: runs the migrations on the file that `migrate` names."""

from alembic import context
from sqlalchemy import create_engine

from pressroom.state.tables import Base

with create_engine(f"sqlite:///{context.config.attributes['path']}").connect() as connection:
    context.configure(connection=connection, target_metadata=Base.metadata, render_as_batch=True)
    with context.begin_transaction():
        context.run_migrations()
