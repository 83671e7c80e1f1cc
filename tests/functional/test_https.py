"""HTTPS beside HTTP: the same stored pages, over HTTP/2, with certificates of the node's own authority."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterator

import httpx
import pytest

from pressroom.model.errors import Conflict, PortTaken
from pressroom.operations import running as nodes
from pressroom.operations import settings
from pressroom.operations.node import Node
from pressroom.system import process
from tests.conftest import find_free_port
from tests.functional.command_line import CommandLine
from tests.functional.newspaper import Newspaper


@pytest.fixture(scope="module")
def port(paper: Newspaper) -> Iterator[int]:
    node, number = paper.node, find_free_port()
    _set(node, f"https.port={number}")
    paper.warm()
    yield number
    _set(node, "https.port=")
    paper.warm()


def _set(node: Node, assignment: str) -> None:
    settings.change(node, [assignment])
    nodes.up(node)
    nodes.wait_for_answer(node)


def _trusting(node: Node) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=str(node.layout.authority_certificate))


def _shake_hands(node: Node, port: int, name: str, *, session: ssl.SSLSession | None = None) -> ssl.SSLSocket:
    context = _trusting(node)
    context.set_alpn_protocols(["h2", "http/1.1"])
    plain = socket.create_connection(("127.0.0.1", port), timeout=10)
    return context.wrap_socket(plain, server_hostname=name, session=session)


def _get(paper: Newspaper, port: int, name: str, target: str) -> httpx.Response:
    with httpx.Client(verify=_trusting(paper.node), timeout=30) as client:
        return client.get(
            f"https://127.0.0.1:{port}{target}", headers={"Host": f"{name}:{port}"}, extensions={"sni_hostname": name}
        )


def test_a_stored_page_is_the_same_by_both_ways(paper: Newspaper, port: int) -> None:
    paper.await_hit()
    secure = _get(paper, port, paper.site.domain, "/")
    with paper.client() as reader:
        plain = reader.get("/")
    assert secure.headers["x-pressroom-cache"] == plain.headers["x-pressroom-cache"] == "hit"
    assert secure.content == plain.content


def test_what_php_answers_comes_too(paper: Newspaper, port: int) -> None:
    answer = _get(paper, port, paper.site.domain, "/?unknown=1")
    assert answer.status_code == 200 and answer.headers["x-pressroom-cache"] == "bypass; reason=arguments"


def test_an_alias_is_sent_to_the_sites_address(paper: Newspaper, port: int) -> None:
    answer = _get(paper, port, f"www.{paper.site.domain}", "/x?y=1")
    assert (answer.status_code, answer.headers["location"]) == (301, f"http://{paper.host}/x?y=1")


def test_http_2_and_tls_1_3(paper: Newspaper, port: int) -> None:
    with _shake_hands(paper.node, port, paper.site.domain) as connection:
        assert (connection.selected_alpn_protocol(), connection.version()) == ("h2", "TLSv1.3")


def test_a_name_of_no_site_gets_no_certificate(paper: Newspaper, port: int) -> None:
    with pytest.raises(ssl.SSLError, match="UNRECOGNIZED_NAME"):
        _shake_hands(paper.node, port, "stranger.localhost")


def test_nobody_but_nginx_reads_the_keys(paper: Newspaper, port: int) -> None:
    layout = paper.node.layout
    for key, mode, owner in ((layout.authority, 0o600, "root"), (paper.place.certificate, 0o400, layout.web_user)):
        assert "PRIVATE KEY" in key.read_text()
        assert (key.stat().st_mode & 0o777, key.owner()) == (mode, owner)
    for user in (paper.place.unix_user, layout.platform_user):
        assert process.run(["cat", paper.place.certificate], user=user, check=False).exit_code != 0
    assert "PRIVATE" not in layout.authority_certificate.read_text()


def test_a_key_of_before_that_nginxs_workers_could_not_read_is_issued_anew(paper: Newspaper, port: int) -> None:
    paper.place.certificate.chmod(0o600)
    nodes.up(paper.node)
    assert paper.place.certificate.stat().st_mode & 0o777 == 0o400


def test_a_lost_certificate_is_issued_anew(paper: Newspaper, port: int) -> None:
    before = paper.place.certificate.read_text()
    paper.place.certificate.unlink()
    nodes.up(paper.node)
    assert paper.place.certificate.read_text() != before
    assert _get(paper, port, paper.site.domain, "/").status_code == 200
    assert nodes.up(paper.node) == 0


def test_ports_that_cannot_be(paper: Newspaper, port: int, command: CommandLine) -> None:
    http = paper.node.state.settings().http.port
    command.refused(Conflict, "settings", "--set", f"https.port={http}")
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        said = command.refused(PortTaken, "settings", "--set", f"https.port={other.getsockname()[1]}")
    assert "https" in said.stderr
    assert paper.node.state.settings().https.port == port
