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
    lines = [f"not taken to its end: {step.what}: {step.broken}" for step in steps if step.broken]
    lines += [f"reached no PHP: {step.what}" for step in steps if not step.asked and not step.broken]
    taken = 0
    for step in steps:
        for finding in step.found:
            taken += finding.verdict != "noted"
            rules = "; ".join(f"{match.rule} {match.message}: {match.data[:160]}" for match in finding.matches)
            lines.append(f"{finding.verdict}: {step.what}: {finding.request[:160]}: {rules}")
    asked = sum(len(step.asked) for step in steps)
    lines.append(f"{len(counted(steps))} steps, {asked} requests to PHP, {taken} taken for attacks")
    return "\n".join(lines)
