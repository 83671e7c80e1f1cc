"""The parts of the walk, and what is told of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from tests.trial import api, classic, running, shop, shopping, writing
from tests.trial.walk import Step, Walk

Part = Callable[[Walk], None]

# The first gives the others their plugin.
WORDPRESS: dict[str, Part] = {
    "plugin": classic.plugin, "article": writing.article, "around": writing.around, "programs": api.programs,
    "notes": classic.notes, "media": classic.media, "comments": classic.comments, "terms": classic.terms,
    "settings": running.settings, "people": running.people, "appearance": running.appearance, "tools": running.tools,
    "readers": running.readers, "site-editor": writing.site_editor,
}  # fmt: skip
SHOP: dict[str, Part] = {
    "shop-settings": shop.shop_settings, "products": shop.products, "coupons": shop.coupons, "orders": shop.orders,
    "guests": shopping.guests, "customers": shopping.customers, "reports": shop.reports,
}  # fmt: skip
PARTS = WORDPRESS | SHOP


def counted(steps: Sequence[Step]) -> list[Step]:
    """Those whose requests came to PHP."""
    return [step for step in steps if step.asked]


def told(steps: Sequence[Step]) -> str:
    """In lines: each step that went wrong, each rule that applied, and the sums."""
    asked = sum(len(step.asked) for step in steps)
    taken = sum(len(step.taken_for_attacks) for step in steps)
    lines = [line for step in steps for line in told_of(step)]
    return "\n".join([*lines, f"{len(counted(steps))} steps, {asked} requests to PHP, {taken} taken for attacks"])


def told_of(step: Step) -> list[str]:
    """Nothing of a step that went well."""
    lines = [f"not taken to its end: {step.what}: {step.broken}"] if step.broken else []
    if not step.asked and not step.broken:
        lines.append(f"reached no PHP: {step.what}")
    for finding in step.found:
        rules = "; ".join(f"{match.rule} {match.message}: {match.data[:160]}" for match in finding.matches)
        lines.append(f"{finding.verdict}: {step.what}: {finding.request[:160]}: {rules}")
    return lines
