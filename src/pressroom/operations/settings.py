"""Settings of a node and of a site: shown with their meaning, changed one by one, checked before they are kept."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeVar

from pydantic import BaseModel, SecretStr, ValidationError

from pressroom.model.errors import InvalidInput
from pressroom.model.masking import Words
from pressroom.model.secrets import Secret
from pressroom.model.site import NodeSettings, SiteSettings, opened
from pressroom.operations.node import Node
from pressroom.operations.place import require_room

_Settings = TypeVar("_Settings", bound=BaseModel)


@dataclass(frozen=True)
class Setting:
    """One setting. ``example`` is a value that it could have."""

    name: str
    value: Any
    meaning: str
    example: Any


def all_settings(settings: BaseModel, prefix: str = "") -> list[Setting]:
    """Every setting with its value now, those of a section as `section.name`; a password is masked."""
    rows: list[Setting] = []
    for name, about in type(settings).model_fields.items():
        value = getattr(settings, name)
        if isinstance(value, BaseModel):
            rows += all_settings(value, f"{name}.")
            continue
        shown = "***" if isinstance(value, SecretStr) else value
        example = about.examples[0] if about.examples else None
        rows.append(Setting(prefix + name, shown, about.description or "", example))
    return rows


def changed(settings: _Settings, assignments: list[str]) -> _Settings:
    """With these `name=value` applied; an empty value sets back to what it is at first. Raises InvalidInput."""
    known = {row.name for row in all_settings(settings)}
    plain = opened(settings)
    for assignment in assignments:
        name, sign, value = assignment.partition("=")
        if name in known and not sign:
            raise InvalidInput(f"{name} is to be set to what?", hint=f"write {name}=VALUE; {name}= is as at first")
        if name not in known:
            raise InvalidInput(
                f"{name!r} is no setting", hint=f"write NAME=VALUE; there are: {', '.join(sorted(known))}"
            )
        section, _, field = name.rpartition(".")
        part = plain[section] if section else plain
        if value:
            part[field] = value
        else:
            part.pop(field, None)
    try:
        return type(settings).model_validate(plain)
    except ValidationError as error:
        first = error.errors(include_input=False)[0]
        where = ".".join(map(str, first["loc"]))
        said = "write on or off" if first["type"].startswith("bool") else first["msg"]
        raise InvalidInput(f"{where}: {said}", hint="without --set, an example of each is shown") from error


def guarded(settings: BaseModel, words: Words) -> Words:
    """What a user typed who sets some: what is no setting could be a password under a name that is misspelt."""
    known = {row.name for row in all_settings(settings)}
    return [
        Secret(word)
        if before == "--set" and isinstance(word, str) and ("=" not in word or word.partition("=")[0] not in known)
        else word
        for before, word in zip(["", *words], words, strict=False)
    ]


def change(node: Node, assignments: list[str]) -> NodeSettings:
    """Keep the changed settings of a node that runs; `make` carries them out. Raises PortTaken before that."""
    settings = changed(node.state.settings(), assignments)
    require_room(node, settings, runs=True)
    node.state.save_settings(settings)
    return settings


def change_site(node: Node, domain: str, assignments: list[str]) -> SiteSettings:
    """Keep a site's changed settings; its plan carries them out."""
    site = node.state.site(domain)
    settings = changed(site.settings, assignments)
    node.state.save_site_settings(site.name, settings)
    return settings
