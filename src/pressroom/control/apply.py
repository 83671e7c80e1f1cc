"""Carries a plan out, action by action, in order. Each action can be done again; a plan cut short is planned anew."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime
from functools import singledispatchmethod
from typing import Protocol

import structlog

from pressroom.control import actions as a
from pressroom.control import desired
from pressroom.control.nginx_swap import NginxSwap
from pressroom.control.observe import ready_daemons
from pressroom.database.mariadb import MariaDB, make_data_directory
from pressroom.engine.protocol import Engine
from pressroom.model.errors import NotRunning
from pressroom.model.layout import Layout
from pressroom.stack.certificates import Authority
from pressroom.system import files, images, messages, mounts, network, process, quotas, users
from pressroom.wordpress.cores import CoreStore
from pressroom.wordpress.tree import exchange_core, plant

_log = structlog.get_logger(__name__)
_MARIADB_PATIENCE = 60.0  # seconds; after a crash it reads its log first
_DAEMON_PATIENCE = 30.0


class WordPress(Protocol):
    """What is done to a site through its own WordPress."""

    def install(self) -> None:
        """Fill an empty database."""

    def upgrade(self) -> None:
        """Bring the database to the core's version."""


class Applier:
    """Everything that actions need to be done."""

    def __init__(
        self,
        layout: Layout,
        engine: Engine,
        database: MariaDB,
        cores: CoreStore,
        wordpress: WordPress | None,
        *,
        before: Callable[[a.Action], None] = lambda action: None,
    ) -> None:
        """`wordpress` is of the site that the plan is for; `before` is called with each action before it is done."""
        self._layout = layout
        self._engine = engine
        self._database = database
        self._cores = cores
        self._wordpress = wordpress
        self._before = before
        self._nginx = NginxSwap(layout)

    def apply(self, plan: a.Plan) -> None:
        """Raises what the first action that fails raises; those before it stay done."""
        for action in plan.actions:
            self._before(action)
            began = time.perf_counter()
            self._do(action)
            _log.info(
                "applied", what=action.sentence(), because=action.reason, seconds=round(time.perf_counter() - began, 3)
            )

    @singledispatchmethod
    def _do(self, action: a.Action) -> None:
        raise TypeError(f"no way to do {action!r}")

    @_do.register
    def _(self, action: a.EnsureUser) -> None:
        users.ensure_user(action.name)
        for group in action.joins:
            users.add_to_group(action.name, group)

    @_do.register
    def _(self, action: a.RemoveUser) -> None:
        quotas.lift(self._layout.root, action.name)
        users.remove_user(action.name)

    @_do.register
    def _(self, action: a.LimitSpace) -> None:
        quotas.Quotas(self._layout.root).limit(files.user_id(action.user), action.most)

    @_do.register
    def _(self, action: a.MakeImage) -> None:
        images.make(action.path, action.most)

    @_do.register
    def _(self, action: a.MountImage) -> None:
        images.mount_site(action.path, action.home, action.gate)

    @_do.register
    def _(self, action: a.RemoveImage) -> None:
        for path in (action.gate, action.home):
            mounts.unmount(path)
        action.path.unlink(missing_ok=True)

    @_do.register
    def _(self, action: a.MakeDirectory) -> None:
        files.make_directory(action.path, mode=action.mode, owner=action.owner, group=action.group)

    @_do.register
    def _(self, action: a.MakeUserDirectory) -> None:
        process.run(["mkdir", "-p", "-m", "0700", action.path], user=action.user)

    @_do.register
    def _(self, action: a.WriteFile) -> None:
        files.write(action.path, action.text, mode=action.mode, owner=action.owner, group=action.group)

    @_do.register
    def _(self, action: a.WriteUserFile) -> None:
        beside = action.path.with_name(f".{action.path.name}.new")
        process.run(["dd", "status=none", f"of={beside}"], user=action.user, stdin=action.text)
        process.run(["mv", "-T", beside, action.path], user=action.user)

    @_do.register
    def _(self, action: a.RemovePath) -> None:
        if action.path.is_symlink() or action.path.is_file():
            action.path.unlink(missing_ok=True)
        else:
            files.remove_tree(action.path)

    @_do.register
    def _(self, action: a.MakeDataDirectory) -> None:
        make_data_directory(action.data, action.config, action.user)

    @_do.register
    def _(self, action: a.EnsurePlatformAccount) -> None:
        self._database.ensure_platform_account(action.user)

    @_do.register
    def _(self, action: a.EnsureGovernorAccount) -> None:
        self._database.ensure_governor_account(action.user)

    @_do.register
    def _(self, action: a.EnsureDatabase) -> None:
        self._database.ensure_site(action.database, action.user, action.caps)

    @_do.register
    def _(self, action: a.RemoveDatabase) -> None:
        self._database.remove_site(action.database, action.user)

    @_do.register
    def _(self, action: a.PutUpWalls) -> None:
        network.put_in_force(action.rules)

    @_do.register
    def _(self, action: a.MakeAuthority) -> None:
        authority = Authority.make(str(self._layout.root), datetime.now(UTC))
        files.write(action.path, authority.text, mode=0o600)
        files.write(action.certificate, authority.certificate)

    @_do.register
    def _(self, action: a.IssueCertificate) -> None:
        authority = Authority.read(action.authority.read_text())
        text, web = authority.issue(action.names, datetime.now(UTC)), self._layout.web_user
        files.write(action.path, text, mode=desired.CERTIFICATE_MODE, owner=web, group=web)
        self._nginx.reload()  # its own files may be as they should be

    @_do.register
    def _(self, action: a.PlantCore) -> None:
        plant(self._cores.get(action.core), action.public, owner=action.owner, group=action.group)
        files.write(action.marker, action.core + "\n", mode=0o600)

    @_do.register
    def _(self, action: a.ExchangeCore) -> None:
        self._engine.stop(action.program)
        exchange_core(action.public, self._cores.get(action.old), self._cores.get(action.new))
        self._forget_compiled_code(action.site)
        self._of_site().upgrade()
        # Before the marker: whoever finishes a move that was killed takes the old core's pages out, too.
        self._drop(action.site, f"moved to {action.new}")
        files.write(action.marker, action.new + "\n", mode=0o600)
        self._engine.start(action.program)

    @_do.register
    def _(self, action: a.RepairCore) -> None:
        self._engine.stop(action.program)
        plant(self._cores.get(action.core), action.public, owner=action.user, group=action.group)
        self._forget_compiled_code(action.site)
        self._drop(action.site, "its core was repaired")
        self._engine.start(action.program)

    @_do.register
    def _(self, action: a.InstallWordPress) -> None:
        if self._database.has_tables(action.site):
            self._database.empty_database(action.site)
        self._of_site().install()
        files.write(action.marker, "", mode=0o600)

    @_do.register
    def _(self, action: a.DefineProgram) -> None:
        self._engine.define(action.program)

    @_do.register
    def _(self, action: a.StartProgram) -> None:
        self._engine.start(action.name)

    @_do.register
    def _(self, action: a.RemoveProgram) -> None:
        self._engine.remove(action.name)

    @_do.register
    def _(self, action: a.AwaitMariaDB) -> None:
        _await(self._database.alive, _MARIADB_PATIENCE, "MariaDB", "mariadb")

    @_do.register
    def _(self, action: a.AwaitInvalidator) -> None:
        self._await_daemon(desired.INVALIDATOR)

    @_do.register
    def _(self, action: a.AwaitRenderer) -> None:
        self._await_daemon(desired.RENDERER)

    @_do.register
    def _(self, action: a.SwapNginxFiles) -> None:
        self._nginx.swap(action.files)

    @_do.register
    def _(self, action: a.WriteRoster) -> None:
        files.write(action.path, action.text)
        sockets = {
            desired.INVALIDATOR: self._layout.invalidator_socket,
            desired.MAIL: self._layout.mail_requests_socket,
        }
        for name, socket in sockets.items():
            try:
                messages.ask(socket, {"op": "attend"}, what=name)
            except NotRunning:
                _log.warning(f"{name}_down", hint="it reads the list of sites when it is back")

    @_do.register
    def _(self, action: a.DropPages) -> None:
        self._drop(action.site, action.reason)

    def _of_site(self) -> WordPress:
        if self._wordpress is None:
            raise TypeError("this plan is for no site")
        return self._wordpress

    def _forget_compiled_code(self, site: str) -> None:
        """opcache knows a file by its path and time, which two cores may share, and whoever changed one may set."""
        place = self._layout.site(site)
        process.run(["find", place.compiled_code, "-mindepth", "1", "-delete"], user=place.unix_user)

    def _drop(self, site: str, why: str) -> None:
        messages.ask(self._layout.invalidator_socket, {"op": "drop", "site": site, "why": why}, what="invalidator")

    def _await_daemon(self, name: str) -> None:
        _await(lambda: name in ready_daemons(self._layout), _DAEMON_PATIENCE, f"the {name}", name)


def _await(ready: Callable[[], bool], patience: float, name: str, log: str) -> None:
    """Wait until `ready`; raises NotRunning after `patience` seconds."""
    until = time.monotonic() + patience
    while not ready():
        if time.monotonic() > until:
            raise NotRunning(
                f"{name} did not come up within {patience:g} s", hint=f"read the log: pressroom logs {log}"
            )
        time.sleep(0.02)
