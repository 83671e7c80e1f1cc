"""What the user typed: as words for the audit trail and for the lock, which names its holder; lengths of time."""

from __future__ import annotations

import re
from collections.abc import Iterator

import typer

from pressroom.model.errors import InvalidInput
from pressroom.model.masking import Words

_UNITS = {"m": 60, "h": 3600, "d": 86400}  # seconds


def seconds_of(text: str) -> float:
    """Of "30m", "24h" or "7d"."""
    match = re.fullmatch(r"([0-9]{1,6})([mhd])", text)
    if match is None or int(match[1]) == 0:
        raise InvalidInput(f"{text!r} is no length of time", hint="minutes, hours or days, as 30m, 24h, 7d")
    return float(int(match[1]) * _UNITS[match[2]])


def typed(context: typer.Context) -> Words:
    """The command with its options and arguments, without what stands before it."""
    return [*_names(context), *_parameters(context)]


def _names(context: typer.Context) -> list[str]:
    names: list[str] = []
    here: object = context
    while isinstance(here, type(context)) and here.parent is not None:
        names.insert(0, here.info_name or "")
        here = here.parent
    return names


def _parameters(context: typer.Context) -> Iterator[str]:
    for parameter in context.command.params:
        source = context.get_parameter_source(parameter.name or "")
        if source is None or source.name != "COMMANDLINE":
            continue
        value = context.params[parameter.name or ""]
        for one in value if isinstance(value, list | tuple) else [value]:
            if parameter.param_type_name == "argument":
                yield str(one)
            else:
                yield parameter.opts[0]
                if one is not True:
                    yield str(one)
