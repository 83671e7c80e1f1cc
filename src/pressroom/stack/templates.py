"""Templates to text: undefined variables are errors, no HTML escaping, values checked before they come here."""

from __future__ import annotations

from typing import Any

import jinja2

_environment = jinja2.Environment(
    loader=jinja2.PackageLoader("pressroom.stack"),
    undefined=jinja2.StrictUndefined,
    autoescape=False,
    trim_blocks=True,
    lstrip_blocks=True,
    keep_trailing_newline=True,
)


def php_string(text: object) -> str:
    """A single-quoted PHP string (php.net/language.types.string: only the backslash and the quote are special)."""
    return "'" + str(text).replace("\\", "\\\\").replace("'", "\\'") + "'"


_environment.filters["php"] = php_string


def fill(template: str, **values: Any) -> str:
    """The template's text with these values. Raises jinja2.UndefinedError for a value that is missing."""
    return _environment.get_template(template).render(**values)
