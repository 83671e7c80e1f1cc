"""What the root helper may be asked: what it means comes through, and nothing else is taken for a request."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import SecretStr

from pressroom.control import requests as r
from pressroom.model.secrets import Secret, new_salts
from pressroom.model.site import NodeSettings, Site, SiteSettings, SiteStatus
from pressroom.model.trail import Actor, Line, hash_of, sealed
from pressroom.pagecache.roster import RosterSite

SITE = Site(
    "s7", "a.example", ("www.a.example", "xn--bcher-kva.example"), "It's a \"title\" — ☃", "ed@a.example", "the editor",
    "6.1.9-0123456789ab", None, "", SiteStatus.READY, tuple((k, Secret(v)) for k, v in new_salts().items()),
    datetime.fromtimestamp(0, UTC), SiteSettings.model_validate({"firewall": "block", "pictures": False}),
)  # fmt: skip
SETTINGS = NodeSettings.model_validate(
    {"mail": {"relay_host": "smtp.example", "relay_user": "u", "relay_password": "pa'ss"}, "https": {"port": 8443}}
)
LISTED = r.ListedSite.of(RosterSite("s7", "a.example", "a.example:8080", core="6.1.9-0123456789ab"))
WANTED = r.WantedSite.of(SITE)
LINE = sealed(Line("2026", "done", Actor("ada"), "up"), 3, "0" * 64)
ALL: list[r.Request] = [
    r.Programs(),
    r.MakeNode(settings=SETTINGS),
    r.MakeSite(site=WANTED, settings=SETTINGS, roster=(LISTED,)),
    r.RemoveSite(site=WANTED, settings=SETTINGS, roster=()),
    r.RepairCore(site=WANTED, settings=SETTINGS),
    r.RenewCertificate(site=WANTED, settings=SETTINGS),
    r.WriteLogin(site=WANTED, settings=SETTINGS, digest="0" * 64, until=1_800_000_000, user="the editor"),
    r.ForgetLogins(site=WANTED, settings=SETTINGS),
    r.KeepCore(incoming=None),
    r.KeepCore(incoming="core_17_abc"),
    r.RoomOf(site="s7"),
    r.CopyTrail(rows=(r.CopiedLine.of(LINE),), anyway=True),
]


def as_line(request: r.Request) -> bytes:
    return json.dumps(r.encode(request)).encode()


@pytest.mark.parametrize("request_", ALL, ids=lambda one: one.op)
def test_each_comes_through_as_it_was_meant(request_: r.Request) -> None:
    assert r.parse(as_line(request_)) == request_


def test_a_site_and_what_the_daemons_are_told_of_it_come_through() -> None:
    assert WANTED.site() == SITE
    assert LISTED.site() == RosterSite("s7", "a.example", "a.example:8080", core="6.1.9-0123456789ab")
    assert SETTINGS.mail.relay_password == SecretStr("pa'ss")


def changed(request: r.Request, change: Callable[[dict[str, Any]], object]) -> bytes:
    plain = r.encode(request)
    change(plain)
    return json.dumps(plain).encode()


def _site(**fields: Any) -> Callable[[dict[str, Any]], object]:
    return lambda plain: plain["site"].update(fields)


def _salts(**fields: Any) -> Callable[[dict[str, Any]], object]:
    return lambda plain: plain["site"]["salts"].update(fields)


MAKE, KEEP, ROOM, TRAIL = ALL[2], ALL[9], ALL[10], ALL[11]
BAD = {
    "another verb": (MAKE, lambda plain: plain.update(op="run")),
    "no verb": (MAKE, lambda plain: plain.pop("op")),
    "a further field": (MAKE, lambda plain: plain.update(path="/etc/passwd")),
    "a further field of a site": (MAKE, _site(unix_user="root")),
    "a path for a name": (MAKE, _site(name="../s7")),
    "a name that goes on": (MAKE, _site(name="s7/../../etc")),
    "a name and a line": (MAKE, _site(name="s7\n")),
    "no number": (MAKE, _site(name="s0")),
    "other digits": (MAKE, _site(name="s٧")),
    "a core's path": (MAKE, _site(core="../../etc-0123456789ab")),
    "a core and a line": (MAKE, _site(core="6.1-0123456789ab\n")),
    "a domain that ends a line": (MAKE, _site(domain="a.example;\n}")),
    "an alias that ends a string": (MAKE, _site(aliases=['a.example"'])),
    "a title of two lines": (MAKE, _site(title="a\nb")),
    "an address of two lines": (MAKE, _site(admin_email="a@b.c\nd")),
    "a salt that ends PHP's string": (MAKE, _salts(AUTH_KEY="'" + "a" * 63)),
    "a salt with a backslash": (MAKE, _salts(AUTH_KEY="\\" + "a" * 63)),
    "a salt and a line": (MAKE, _salts(AUTH_KEY="a" * 64 + "\n")),
    "a ninth salt": (MAKE, _salts(WP_DEBUG="a" * 64)),
    "seven salts": (MAKE, lambda plain: plain["site"]["salts"].pop("AUTH_KEY")),
    "a setting that is none": (MAKE, lambda plain: plain["settings"]["php"].update(auto_prepend_file="/x")),
    "a setting beyond its bounds": (MAKE, lambda plain: plain["settings"]["tenants"].update(memory_mb=1)),
    "a memory with more": (MAKE, lambda plain: plain["settings"]["php"].update(memory_limit="256M\nx")),
    "a relay with more": (MAKE, lambda plain: plain["settings"]["mail"].update(relay_host="a\nb")),
    "a network of everybody": (MAKE, lambda plain: plain["settings"]["http"].update(proxies="0.0.0.0/0")),
    "a host that goes on": (MAKE, lambda plain: plain["roster"][0].update(host="a.example:80\nx")),
    "a folder above": (KEEP, lambda plain: plain.update(incoming="..")),
    "a folder elsewhere": (KEEP, lambda plain: plain.update(incoming="/etc")),
    "a folder and a NUL": (KEEP, lambda plain: plain.update(incoming="a\0")),
    "somebody's room": (ROOM, lambda plain: plain.update(site="../../root")),
    "a line that is two": (TRAIL, lambda plain: plain["rows"][0].update(text="{}\n{}")),
    "a hash that is none": (TRAIL, lambda plain: plain["rows"][0].update(hash="x")),
    "another line's hash": (TRAIL, lambda plain: plain["rows"][0].update(hash="f" * 64)),
    "another line's number": (TRAIL, lambda plain: plain["rows"][0].update(number=4)),
    "a number that is a word": (TRAIL, lambda plain: plain["rows"][0].update(_row(LINE.text.replace(":3", ':"x"')))),
    "a line without end": (TRAIL, lambda plain: plain["rows"][0].update(_row("[" * 100_000))),
    "a proxy's zone that goes on": (
        MAKE,
        lambda plain: plain["settings"]["http"].update(proxies="fe80::1%lo; include x; set_real_ip_from fe80::2"),
    ),
    "a domain that takes hours": (MAKE, _site(domain="ü" * 1_000_000 + ".example")),
}


def _row(text: str) -> dict[str, str]:
    return {"text": text, "hash": hash_of(text)}


@pytest.mark.parametrize("what", BAD)
def test_what_is_refused(what: str) -> None:
    request, change = BAD[what]
    with pytest.raises(ValueError, match=r"validation error"):
        r.parse(changed(request, change))


def test_an_error_tells_no_secret() -> None:
    with pytest.raises(ValueError, match=r"mail") as raised:
        r.parse(
            changed(MAKE, lambda plain: plain["settings"]["mail"].update(relay_password="hunter2", relay_user=None))
        )
    assert "hunter2" not in str(raised.value)


@settings(max_examples=300, deadline=None)
@given(st.one_of(st.binary(max_size=200), st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4)
    | st.dictionaries(st.sampled_from(["op", "site", "settings", "incoming", "rows", "name", "x"]), inner, max_size=5),
    max_leaves=12,
).map(lambda value: json.dumps(value).encode())))  # fmt: skip
def test_nothing_generated_is_more_than_refused(line: bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        r.parse(line)


def test_what_has_no_end_is_refused() -> None:
    for line in (b"[" * 1_000_000, b'{"op":' * 100_000, b'{"op":"' + b"x" * 1_000_000 + b'"}'):
        with pytest.raises(ValueError, match=r"."):
            r.parse(line)
