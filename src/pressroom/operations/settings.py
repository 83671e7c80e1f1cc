"""A node's settings: shown with their meaning, changed one by one, checked before they are kept."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from pydantic import SecretStr, ValidationError

from pressroom.model.errors import InvalidInput
from pressroom.model.site import NodeSettings
from pressroom.operations.node import Node, require_room


@dataclass(frozen=True)
class Setting:
    """One setting. ``example`` is a value that it could have."""

    name: str
    value: Any
    meaning: str
    example: Any


def all_settings(settings: NodeSettings) -> list[Setting]:
    """Every setting with its value now; a password is masked."""
    rows = []
    for section in NodeSettings.model_fields:
        part = getattr(settings, section)
        for name, about in type(part).model_fields.items():
            value = getattr(part, name)
            shown = "***" if isinstance(value, SecretStr) else value
            example = about.examples[0] if about.examples else None
            rows.append(Setting(f"{section}.{name}", shown, about.description or "", example))
    return rows


def changed(settings: NodeSettings, assignments: list[str]) -> NodeSettings:
    """With these `section.name=value` applied; an empty value sets back to what it is at first. Raises InvalidInput."""
    known = {row.name for row in all_settings(settings)}
    plain = {section: _set_fields(getattr(settings, section)) for section in NodeSettings.model_fields}
    for assignment in assignments:
        name, sign, value = assignment.partition("=")
        if not sign or name not in known:
            raise InvalidInput(
                f"{assignment.partition('=')[0]!r} is no setting",
                hint="write section.name=value; `pressroom settings` lists them",
            )
        section, _, field = name.partition(".")
        if value:
            plain[section][field] = value
        else:
            plain[section].pop(field, None)
    try:
        return NodeSettings.model_validate(plain)
    except ValidationError as error:
        first = error.errors(include_input=False)[0]
        where = ".".join(map(str, first["loc"]))
        raise InvalidInput(f"{where}: {first['msg']}", hint="`pressroom settings` shows an example of each") from error


def _set_fields(part: Any) -> dict[str, Any]:
    return {
        name: value.get_secret_value() if isinstance(value := getattr(part, name), SecretStr) else value
        for name in type(part).model_fields
    }


def change(node: Node, assignments: list[str]) -> NodeSettings:
    """Keep the changed settings; `up` carries them out. Raises PortTaken before anything is kept."""
    settings = changed(node.state.settings(), assignments)
    require_room(node, settings)
    node.state.save_settings(settings)
    return settings
