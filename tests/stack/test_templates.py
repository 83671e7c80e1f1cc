"""A value that is missing is an error, and a PHP string is one whatever is in it."""

from __future__ import annotations

import json
from importlib import resources

import jinja2
import pytest

from pressroom.stack import templates
from pressroom.system import process

HOSTILE = [
    "",
    "plain",
    "it's",
    "'; system('id'); //",
    "\\",
    "\\'",
    "\\\\'",
    "ends with \\",
    "''''",
    '"double" $variable {$x} ${y}',
    "<?php ?> <?= 1 ?>",
    "?>",
    "new\nline\r\n",
    "tab\t",
    "\x00 NUL",
    "\x1b[31m",
    "é € 😀",
    "/* */ // #",
    "EOT;\nEOT",
    "%s %1$s",
    "\\n \\x41 \\u{41}",
]


def test_php_reads_the_string_that_was_meant() -> None:
    pairs = ",".join(templates.php_string(text) for text in HOSTILE)
    script = f"echo json_encode(array({pairs}), JSON_UNESCAPED_UNICODE);"
    # Through standard input: an argument cannot hold a NUL.
    done = process.run(["php8.2"], stdin=f"<?php {script}")
    assert json.loads(done.stdout) == HOSTILE


@pytest.mark.parametrize("text", HOSTILE)
def test_each_is_one_expression(text: str) -> None:
    code = templates.php_string(text)
    assert code.startswith("'") and code.endswith("'")
    inside = code[1:-1].replace("\\\\", "").replace("\\'", "")
    assert "'" not in inside and "\\" not in inside


@pytest.mark.parametrize(
    "template",
    sorted(
        entry.name
        for entry in resources.files("pressroom.stack").joinpath("templates").iterdir()
        if entry.name.endswith(".j2") and "{{" in entry.read_text()
    ),
)
def test_a_template_without_its_values_is_an_error(template: str) -> None:
    with pytest.raises(jinja2.UndefinedError):
        templates.fill(template)


def test_a_template_that_there_is_not_is_an_error() -> None:
    with pytest.raises(jinja2.TemplateNotFound):
        templates.fill("none.j2")


def test_nothing_is_escaped_as_html() -> None:
    assert "a&b <c>" in templates.fill("fastcgi.j2", sites="/a&b <c>", suffix="", port=1, scheme="http", claims=())
