"""What the user typed, as words: for the lock, which names its holder, and for the audit."""

from __future__ import annotations

from collections.abc import Iterator

import typer


def typed(context: typer.Context) -> list[str]:
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
