"""The object cache's part of a site's configuration."""

from __future__ import annotations

from pathlib import Path

from pressroom.model.layout import Layout
from pressroom.model.site import NodeSettings
from pressroom.stack import php
from tests.stack import examples

SITE = examples.site()
PLACE = Layout(Path("/srv/pr")).site(SITE.name)
ON = NodeSettings.model_validate({"php": {"object_cache_mb": 48}})


def test_off_there_is_no_apcu_and_no_version() -> None:
    off = NodeSettings.model_validate({"php": {"object_cache_mb": 0}})
    assert "apc.enabled=0" in php.master_settings(PLACE, off)
    assert "apc." not in php.fpm_config(SITE, PLACE, off)
    assert "PRESSROOM_OBJECT_VERSIONS" not in php.wp_config(SITE, PLACE, off, "0123")


def test_on_apcu_has_that_size() -> None:
    assert {"apc.enabled=1", "apc.shm_size=48M"} <= set(php.master_settings(PLACE, ON))
    assert "define( 'PRESSROOM_OBJECT_VERSIONS', '/srv/pr/objects/" in php.wp_config(
        SITE, PLACE, ON, "0123456789abcdef"
    )


def test_renders_have_no_apcu() -> None:
    """What they would read there is in no record."""
    _, _, *pools = php.fpm_config(SITE, PLACE, ON).split("\n[")
    off = {pool.partition("]")[0]: "php_admin_flag[apc.enabled] = off" in pool for pool in pools}
    assert off == {"web": False, "guests": False, "render": True, "urgent": True}
