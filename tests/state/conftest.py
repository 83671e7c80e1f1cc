"""A state database in a throw-away folder."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from pressroom.model.site import Site
from pressroom.state.store import StateStore

AddSite = Callable[..., Site]


@pytest.fixture
def database(tmp_path: Path) -> Path:
    return tmp_path / "control" / "state.db"


@pytest.fixture
def store(database: Path) -> StateStore:
    return StateStore(database)


@pytest.fixture
def add_site(store: StateStore) -> AddSite:
    def add(domain: str, *aliases: str) -> Site:
        return store.add_site(
            domain=domain,
            title="The News",
            admin_email="editor@example.org",
            admin_user="editor",
            aliases=aliases,
            core="6.9",
            source="debian",
            salts={"AUTH_KEY": "salt of AUTH_KEY"},
        )

    return add
