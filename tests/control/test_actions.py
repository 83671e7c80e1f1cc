"""Actions are frozen descriptions that say what they do, and show no text that may be secret."""

from __future__ import annotations

import dataclasses

import pytest

from pressroom.control import actions as a
from pressroom.control.apply import Applier
from pressroom.control.observe import ObservedNode, ObservedSite
from pressroom.control.plan import plan_node, plan_removal, plan_repair, plan_site
from pressroom.model.site import HttpsSettings
from pressroom.system.space import QUOTAS, Room
from tests.control.right_node import LAYOUT, PLACE, SETTINGS, SITE, site_as_wanted

KINDS = [
    kind for kind in vars(a).values() if isinstance(kind, type) and issubclass(kind, a.Action) and kind is not a.Action
]


WITH_HTTPS = SETTINGS.model_copy(update={"https": HttpsSettings(port=8443)})
WITH_IMAGES = SETTINGS.model_copy(update={"tenants": SETTINGS.tenants.model_copy(update={"images": True})})


def _all() -> list[a.Action]:
    other_core = dataclasses.replace(SITE, core="7.0")
    plans = [
        plan_node(LAYOUT, WITH_HTTPS, ObservedNode()),
        plan_node(LAYOUT, SETTINGS, ObservedNode(programs={}, accounts=frozenset())),
        plan_site(SITE, PLACE, WITH_HTTPS, ObservedSite(), roster="[]", pauses=False),
        plan_site(
            other_core, PLACE, SETTINGS, dataclasses.replace(site_as_wanted(), running=False), roster=None, pauses=False
        ),
        plan_site(
            SITE,
            PLACE,
            SETTINGS,
            dataclasses.replace(
                site_as_wanted(), paths={**site_as_wanted().paths, PLACE.public / "wp-config.php": None}
            ),
            roster=None,
            pauses=False,
        ),
        plan_site(SITE, PLACE, SETTINGS, ObservedSite(room=Room(QUOTAS)), roster=None, pauses=False),
        plan_site(SITE, PLACE, WITH_IMAGES, ObservedSite(), roster=None, pauses=False),
        plan_removal(SITE, PLACE, roster="[]"),
        plan_repair(SITE, PLACE),
    ]
    return [action for plan in plans for action in plan.actions]


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_a_kind_is_frozen_planned_somewhere_and_can_be_applied(kind: type[a.Action]) -> None:
    (action, *_) = [action for action in _all() if type(action) is kind]
    with pytest.raises(dataclasses.FrozenInstanceError):
        action.reason = "another"  # type: ignore[misc]
    assert hash(action) == hash(dataclasses.replace(action))
    way = vars(Applier)["_do"].dispatcher.dispatch(kind)
    assert way is not vars(Applier)["_do"].dispatcher.dispatch(object)


def test_each_action_has_a_sentence_and_a_reason_in_one_line() -> None:
    for action in _all():
        for text in (action.sentence(), action.reason):
            assert text and "\n" not in text and not text.endswith("."), action


def test_sentences_tell_actions_apart() -> None:
    plan = plan_site(SITE, PLACE, SETTINGS, ObservedSite(), roster="[]", pauses=False)
    sentences = [action.sentence() for action in plan.actions]
    assert len(set(sentences)) == len(sentences)


def test_no_text_of_a_file_is_shown() -> None:
    for action in _all():
        for _, salt in SITE.salts:
            assert salt.reveal() not in repr(action)
            assert salt.reveal() not in action.sentence()
