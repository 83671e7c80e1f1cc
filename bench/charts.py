"""Bars as SVG, for the docs: lengths in proportion, from zero."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

_WIDTH, _MARGIN, _LEFT, _RIGHT, _TOP, _ROW = 860, 24, 230, 130, 72, 36  # pixels


def bars(values: Mapping[str, float], told: Mapping[str, str], *, title: str, subtitle: str, ours: str) -> str:
    """A bar for each name, in their order; ``told`` is what stands beside it. What begins with ``ours`` stands out."""
    longest = max(values.values())
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent), undefined=StrictUndefined, autoescape=True, trim_blocks=True
    )
    rows = [
        {
            "name": name,
            "told": told[name],
            "y": _TOP + _ROW * number,
            "length": max(1.0, (_WIDTH - _LEFT - _RIGHT) * value / longest),
            "ours": name.startswith(ours),
        }
        for number, (name, value) in enumerate(values.items())
    ]
    return environment.get_template("chart.svg.j2").render(
        width=_WIDTH, height=_TOP + _ROW * len(rows) + 16, margin=_MARGIN, left=_LEFT, bars=rows, title=title,
        subtitle=subtitle,
    )  # fmt: skip
