"""What people may call things, and every trick that must end before a template sees it."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from pressroom.model.errors import InvalidInput
from pressroom.model.names import Domain, valid_admin_user, valid_email, valid_title

_FORMATTING = Path("/usr/share/wordpress/wp-includes/formatting.php")


def _puny(label: str) -> str:
    """The label as an attacker would encode it, without any of IDNA's checks."""
    return "xn--" + label.encode("punycode").decode()


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("news.example.org", "news.example.org"),
        ("NEWS.Example.ORG", "news.example.org"),
        ("a.b", "a.b"),
        ("1and1.com", "1and1.com"),
        ("0x1.example", "0x1.example"),
        ("paper.localhost", "paper.localhost"),
        ("bücher.example", "xn--bcher-kva.example"),
        ("BÜCHER.example", "xn--bcher-kva.example"),
        ("xn--Bcher-KVA.example", "xn--bcher-kva.example"),
        ("straße.de", "xn--strae-oqa.de"),
        ("пример.рф", "xn--e1afmkfd.xn--p1ai"),
        ("例え.jp", "xn--r8jz45g.jp"),
        (_puny("日本abc") + ".jp", "xn--abc-s08fl0d.jp"),
        ("々ラーメン漢字かな.jp", _puny("々ラーメン漢字かな") + ".jp"),
        ("한국漢.kr", _puny("한국漢") + ".kr"),
        ("a" * 63 + ".org", "a" * 63 + ".org"),
        (".".join(["a" * 61] * 4) + ".orgor", ".".join(["a" * 61] * 4) + ".orgor"),  # 253 characters
    ],
)
def test_domains(text: str, name: str) -> None:
    assert str(Domain.parse(text)) == name


_PARTS_OF_A_CONFIGURATION = [
    f"a{harm}b.example.org" for harm in (*";{}$'\"\\\0\n\r\t #%*/:@?&=<>|`()[]!,~^_+\x7f\x85\xa0", "..", "$(id)", "%00")
]
_NO_NAMES = [
    "",
    " ",
    ".",
    "..",
    "example",
    "localhost",
    ".example.org",
    "example.org.",
    "example..org",
    "-a.example.org",
    "a-.example.org",
    "*.example.org",
    " example.org",
    "example.org ",
    "example.org\n",
    "\nexample.org",
    "../../etc.passwd",
    "example.org:80",
    "http://example.org",
    "user@example.org",
    "a" * 64 + ".org",
    "a" * 300,
    "a." * 149 + "ab",
    ".".join(["a" * 61] * 4) + ".orgorg",  # 254 characters
    "ä" * 300 + ".org",
    ".".join(["äää"] * 60),
]
_ADDRESSES = [
    "127.0.0.1",
    "127.1",
    "1.2.3.4.5",
    "0177.0.0.1",
    "127.0.0.0x1",
    "127.0.0.0X1",
    "example.0x",
    "example.1",
    "::1",
    "[::1]",
    "fe80.1",
]
_TRICKS = [
    _puny("аpple") + ".com",  # a Cyrillic а before Latin letters
    "аpple.com",
    "XN--PPLE-43D.com",
    "news." + _puny("раypal") + ".com",
    "漢а.com",  # a Cyrillic а among others than Latin letters
    "한국а.com",
    "한국かな.com",
    _puny("ab") + ".org",  # what is ASCII has no business there
    "xn--.org",
    "xn--a.org",
    "xn--0.org",
    "xn--99999999.org",
    "xn--" + "a" * 59 + ".org",
    "a.xn--1",
    _puny("xn--ü") + ".org",  # twice
    "xn--ü.org",
    "ab--c.org",  # a reserved label
    _puny("bu\u0308cher") + ".org",  # not in Unicode's normal form C
    "bu\u0308cher.org",
    _puny("ａ") + ".org",  # full width
    "ｅxample.org",
    "example。org",  # dots that are none
    "example．org",
    "example\u2024org",
    "℀.org",  # becomes a/c in some normal forms
    "ⅷ.org",
    "exa\u200dmple.org",
    "exa\u200bmple.org",
    "exam\u00adple.org",
    "\u202eexample.org",
    "\ufeffexample.org",
    _puny("\u0301a") + ".org",
    _puny("aא") + ".com",
    "\ud800.org",
    "😀.org",
    *(_puny(f"a{harm}ü") + ".org" for harm in "/;{}$\n\0 ."),
]


@pytest.mark.parametrize("text", [*_PARTS_OF_A_CONFIGURATION, *_NO_NAMES, *_ADDRESSES, *_TRICKS], ids=ascii)
def test_what_is_no_domain_is_refused_and_the_error_is_harmless(text: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        Domain.parse(text)
    _assert_harmless(caught.value)


def _assert_harmless(error: InvalidInput) -> None:
    """It may stand in a terminal and a log line."""
    assert error.message.isprintable()
    assert len(error.message) < 1000
    assert error.hint


_DOMAIN_LIKE = st.text(alphabet="abcxn0123456789-..äßаяλ日א١\u0308\u3002İΣ;{}$'\"\\\n\0 %", max_size=40)


@given(st.one_of(st.text(), _DOMAIN_LIKE, st.builds("xn--{}.org".format, _DOMAIN_LIKE)))
@example("ä" * 5000 + ".org")
@example("xn--" + "9" * 5000 + ".org")
@example("a" * 5000)
def test_any_text_is_refused_or_becomes_a_plain_name_that_stays_the_same(text: str) -> None:
    try:
        name = Domain.parse(text).name
    except InvalidInput as error:
        _assert_harmless(error)
        return
    assert re.fullmatch(r"[a-z0-9.-]+", name)
    assert len(name) <= 253
    assert all(0 < len(label) <= 63 for label in name.split("."))
    assert Domain.parse(name).name == name
    assert Domain.parse(name.upper()).name == name


@pytest.mark.parametrize(
    "text", ["A", "The News", "Zeitung „Ü“ <b>;{}$'\"\\", "a=b", "日本の新聞", "👩\u200d💻", "x" * 200]
)
def test_titles_are_text(text: str) -> None:
    assert valid_title(text) == text


def test_a_titles_edges_are_cut() -> None:
    assert valid_title("  The News\n") == "The News"


@pytest.mark.parametrize(
    "text", ["", " \t\n", "x" * 201, *(f"a{harm}b" for harm in "\n\r\0\t\x1b\x7f\x85\u2028\u2029\ud800")], ids=ascii
)
def test_what_is_no_title_is_refused(text: str) -> None:
    with pytest.raises(InvalidInput):
        valid_title(text)


@given(st.text())
def test_a_title_is_one_line(text: str) -> None:
    try:
        title = valid_title(text)
    except InvalidInput:
        return
    assert len(title.splitlines()) == 1
    assert title.encode()
    assert valid_title(title) == title


@pytest.mark.parametrize(
    "text",
    [
        "editor@example.org",
        "a.b+c@news.example.org",
        "O_o-1@EXAMPLE.org",
        "a@xn--bcher-kva.example",
        "x" * 64 + "@b.org",
    ],
)
def test_emails(text: str) -> None:
    assert valid_email(text) == text


@pytest.mark.parametrize(
    "text",
    [
        "",
        "@",
        "editor",
        "editor@",
        "@example.org",
        "a@b@example.org",
        "editor@localhost",
        "editor@127.0.0.1",
        "editor@[127.0.0.1]",
        "editor@example.org.",
        "editor@.example.org",
        "editor@-a.example.org",
        "editor@" + _puny("аpple") + ".com",
        "editor@bücher.example",
        "ä@example.org",
        ".a@example.org",
        "-oX@example.org",
        "a.@example.org",
        "a..b@example.org",
        "x" * 65 + "@example.org",
        "four@" + ".".join(["a" * 61] * 4) + ".orgo",
        "Editor <editor@example.org>",
        '"a b"@example.org',
        *(f"a{harm}b@example.org" for harm in " \t\n\r\0;,:<>()[]\\'\"`\x7f\x85"),
        *(f"a@example.org{harm}" for harm in ("\n", "\r\nBcc: b@example.org", "\0", " ", ",b@example.org")),
    ],
    ids=ascii,
)
def test_what_is_no_email_is_refused(text: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        valid_email(text)
    _assert_harmless(caught.value)


@given(st.one_of(st.text(), st.builds("{}@{}".format, _DOMAIN_LIKE, _DOMAIN_LIKE), st.emails()))
def test_an_email_ends_no_string_and_no_line(text: str) -> None:
    try:
        email = valid_email(text)
    except InvalidInput as error:
        _assert_harmless(error)
        return
    assert email == text
    assert re.fullmatch(r"[!#-&*+./0-9=?A-Z^_a-z{|}~-]+@[A-Za-z0-9.-]+", email)


@pytest.mark.parametrize(
    "text", ["editor", "Ada Lovelace", "a", "a.b_c-d@e", "editor@example.org", "-", "x" * 60, "a b c"]
)
def test_login_names(text: str) -> None:
    assert valid_admin_user(text) == text


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        " a",
        "a ",
        "a  b",
        "x" * 61,
        "ädä",
        "<b>",
        "a\u0435",
        *(f"a{harm}b" for harm in "\n\r\0\t;:/\\'\"`$&%*?<>(){}[]|=+!,~^#\x7f\xa0"),
        "a\n",
    ],
    ids=ascii,
)
def test_what_is_no_login_name_is_refused(text: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        valid_admin_user(text)
    _assert_harmless(caught.value)


def test_wordpress_leaves_our_login_names_and_addresses_as_they_are() -> None:
    """Its own functions judge; they need nothing of WordPress but its hooks."""
    names = [
        "Ada Lovelace",
        "a.b_c-d@e",
        "-",
        "--help",
        "x" * 60,
        "@@",
        ". .",
        "a b c",
        "100",
        "_",
        "a@b",
        "amp",
        "%41",
    ]
    accepted = [name for name in names if _accepts(name)]
    assert len(accepted) == len(names) - 1
    emails = [valid_email(f"a{letter}b@example.org") for letter in "!#$%&*+/=?^_{|}~-.0Z"]
    code = """
        function apply_filters($hook, $value) { return $value; }
        require $argv[1];
        foreach (json_decode(file_get_contents('php://stdin')) as [$function, $text])
            echo (string) ($function === 'user' ? sanitize_user($text, true) : is_email($text)), "\n";
    """
    asked = [["user", name] for name in accepted] + [["email", email] for email in emails]
    answers = _php(code, str(_FORMATTING), stdin=asked)
    assert answers == accepted + emails


def _accepts(name: str) -> bool:
    try:
        return valid_admin_user(name) == name
    except InvalidInput:
        return False


def _php(code: str, *arguments: str, stdin: object) -> list[str]:
    argv = ["/usr/bin/php", "-r", code, "--", *arguments]
    done = subprocess.run(argv, input=json.dumps(stdin), capture_output=True, text=True, check=True)
    return done.stdout.splitlines()
