"""A site that fills its disk: it is told so, its stored pages stay right, and nobody else notices."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from pressroom.model.errors import CommandFailed
from pressroom.operations import doctor, settings, sites
from pressroom.operations import running as nodes
from pressroom.operations.node import Node
from pressroom.pagecache.invalidator.gate import Gates
from pressroom.system import mounts, process, space
from tests.functional.attacker import Attacker
from tests.functional.newspaper import Newspaper

_MEGABYTES, _FILES = 512, 20_000
_CAPS = {"tenants.images": "on", "tenants.disk_mb": str(_MEGABYTES), "tenants.files": str(_FILES)}
# Each returns how much it could have, at the most the number that is put in.
_BYTES = (
    "$file = fopen( '<home>/private/big', 'wb' ); $part = str_repeat( 'x', 1048576 );"
    " for ( $all = 0; $all < <most> && fwrite( $file, $part ) === 1048576; $all++ ); return $all;"
)
_NAMES = (
    "$many = '<home>/private/many'; mkdir( $many );"
    ' for ( $all = 0; $all < <most> && touch( "$many/$all" ); $all++ ); return $all;'
)
WAYS = [("bytes", _BYTES, _MEGABYTES + 50), ("files", _NAMES, _FILES + 5_000)]


@pytest.fixture(scope="module")
def full(node: Node) -> Iterator[Newspaper]:
    """A site in a file system of its own, with an editor who is logged in."""
    settings.change(node, [f"{name}={value}" for name, value in _CAPS.items()])
    try:
        new = sites.NewSite.check(
            "full.localhost", title="Full", admin_email="editor@full.localhost", admin_user="editor", aliases=[],
            wordpress="debian",
        )  # fmt: skip
        site = sites.create(node, new)
        with Newspaper(node, site) as full:
            full.log_in()
            full.rest("POST", "posts", title="The first", status="publish")  # which leaves a cookie
            full.warm()
            yield full
    finally:
        settings.change(node, [f"{name}=" for name in _CAPS])
        sites.delete(node, "full.localhost")
    place = node.layout.site(site.name)
    assert not place.image.exists() and not place.home.exists() and not place.gate.parent.exists()


def _fill(newspaper: Newspaper, code: str, most: int) -> int:
    text = code.replace("<home>", str(newspaper.place.home)).replace("<most>", str(most))
    taken = Attacker(newspaper).asks(text)
    assert isinstance(taken, int)
    return taken


def _empty(newspaper: Newspaper) -> None:
    private = newspaper.place.private
    process.run(["rm", "-rf", private / "big", private / "many"], user=newspaper.place.unix_user)


@pytest.mark.parametrize(("name", "code", "most"), WAYS, ids=[name for name, *_ in WAYS])
def test_a_full_site(name: str, code: str, most: int, full: Newspaper, paper: Newspaper) -> None:
    paper.warm()
    try:
        taken = _fill(full, code, most)
        assert most / 3 < taken < most - 50
        shown = sites.show(full.node, full.site.domain)
        used, bound = ("disk_mb", "disk_most_mb") if name == "bytes" else ("files", "files_most")
        assert shown["bounded_by"] == space.IMAGE and shown[used] >= 0.99 * shown[bound]  # type: ignore[operator]
        told = [one.detail for one in doctor.examine(full.node) if one.check == full.site.domain]
        assert any("soon it cannot write" in detail for detail in told), told

        full.warm()  # the attack's own script was a change of code: pages are made while there is no room
        with full.client() as visitor:
            assert visitor.get("/").headers["x-pressroom-cache"] == "hit"
            assert visitor.get("/?s=first").status_code == 200
            assert visitor.get("/wp-login.php").status_code == 200
            # Its database is not in it: what an editor writes is seen at once, and the store stays in service.
            full.rest("POST", "posts", title=f"While there is no room for {name}", status="publish")
            assert f"While there is no room for {name}" in visitor.get("/").text
        assert Gates(full.node.layout.gates).is_open(full.site.name)
        picture = {"file": ("a.txt", b"x" * 300_000, "text/plain")}
        refused = full.editor.post("/wp-json/wp/v2/media", files=picture, headers={"X-WP-Nonce": full.nonce})
        assert refused.status_code >= 400 and "rest_upload" in refused.json()["code"], refused.text
        if name == "files":  # where space is used up, a file as small as that may find some
            # The attack's own script has gone, and is room again.
            more = f"n=0; while : > {full.place.private}/many/more-$n; do n=$((n+1)); done"
            process.run(["sh", "-c", more], user=full.place.unix_user, check=False)
            with pytest.raises(CommandFailed, match="the site has no space left"):
                sites.login_link(full.node, full.site.domain)

        with paper.client() as visitor:
            assert visitor.get("/").headers["x-pressroom-cache"] == "hit"
        paper.as_editor(f"update_option('blogdescription', 'Beside {name}');")
        with paper.client() as visitor:
            assert f"Beside {name}" in visitor.get("/").text
        nodes.up(full.node)
    finally:
        _empty(full)
    full.log_in()


@pytest.mark.parametrize(("name", "code", "most"), WAYS, ids=[name for name, *_ in WAYS])
def test_without_a_bound_it_goes_on(name: str, code: str, most: int, paper: Newspaper) -> None:
    """On this machine's own file system, where it has no quotas."""
    if space.room(paper.place.home, paper.place.unix_user).by != space.NOTHING:
        pytest.skip("the disk of this machine has quotas, which bound each site")
    try:
        assert _fill(paper, code, most) == most
    finally:
        _empty(paper)


def test_the_doctor_tells_who_is_not_bounded(full: Newspaper, paper: Newspaper) -> None:
    (disk,) = [finding for finding in doctor.examine(full.node) if finding.check == "disk"]
    if disk.verdict == doctor.NOTE:
        assert paper.site.domain in disk.detail and full.site.domain not in disk.detail
        assert "tenants.images=on" in disk.advice


def test_it_is_there_again_after_the_machine_was_started(full: Newspaper) -> None:
    """Mounts are gone then, and sites' sockets lie in them."""
    node = full.node
    nodes.down(node)
    for folder in (node.layout.gates, node.layout.sites):
        mounts.unmount_below(folder)
    mounts.unmount(node.layout.gates)
    assert not full.place.public.exists()
    assert _verdict_on_gates(node) == doctor.WRONG
    nodes.up(node)
    nodes.wait_for_answer(node)
    assert full.place.public.exists() and _verdict_on_gates(node) == doctor.OK
    with full.client() as visitor:
        assert visitor.get("/").headers["x-pressroom-cache"] == "hit"
        assert visitor.get("/?s=first").status_code == 200


def _verdict_on_gates(node: Node) -> str:
    (gates,) = [finding for finding in doctor.examine(node) if finding.check == "gates"]
    return gates.verdict


def test_its_logs_have_bounds(paper: Newspaper) -> None:
    log = paper.place.log / "php.log"
    Attacker(paper).asks("for ( $all = 0; $all < 2100; $all++ ) error_log( str_repeat( 'x', 10000 ) ); return true;")
    with paper.client() as visitor:
        assert visitor.get("/?s=anything").status_code == 200
    assert not log.exists() or log.stat().st_size < 1_000_000
    assert 20_000_000 < log.with_name("php.log.1").stat().st_size < 22_000_000
    process.run(["rm", "-f", log.with_name("php.log.1")], user=paper.place.unix_user)


def test_the_nodes_log_of_its_php_does_not_grow(paper: Newspaper) -> None:
    """It is root's: what a site writes there is on no account."""
    log = paper.node.layout.log / f"php-{paper.site.name}.log"
    before = log.stat().st_size
    code = (
        "$ways = array( 'php://stderr', 'php://stdout', '/dev/stderr' );"
        " foreach ( glob( '/proc/[0-9]*/fd/[12]' ) as $way ) $ways[] = $way;"
        " foreach ( $ways as $way ) { $file = fopen( $way, 'ab' );"
        " for ( $n = 0; $file && $n < 100; $n++ ) fwrite( $file, str_repeat( 'x', 10000 ) ); } return true;"
    )
    assert Attacker(paper).asks(code) is True
    assert log.stat().st_size - before < 10_000
