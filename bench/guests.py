"""A site for a bench of what the repository may not contain: a WordPress and plugins from folders of the machine.

A WooCommerce among the plugins becomes a shop with a dozen products.
"""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

from pressroom.model.errors import NotFound
from pressroom.model.site import Site
from pressroom.operations import sites
from pressroom.operations.node import Node

DOMAIN = "guest.localhost"
_ACTIVATE = "require_once ABSPATH . 'wp-admin/includes/plugin.php'; activate_plugins( array_keys( get_plugins() ) );"
_SHOP = """
WC_Install::install(); WC_Install::create_pages();
update_option( 'woocommerce_coming_soon', 'no' );
update_option( 'woocommerce_onboarding_profile', array( 'skipped' => true ) );
foreach ( range( 1, 12 ) as $number ) {
    $product = new WC_Product_Simple();
    $product->set_name( "Chair $number" );
    $product->set_regular_price( 10 * $number );
    $product->save();
}
flush_rewrite_rules( false );
echo wc_get_products( array( 'limit' => 1, 'return' => 'ids' ) )[0];
"""


def guest(
    node: Node, wordpress: Path, plugins: list[Path], theme: Path | None
) -> tuple[Site, dict[str, str], str | None]:
    """The site, made anew; its pages by name; and a path that puts something into a cart, where it is a shop."""
    with suppress(NotFound):
        sites.delete(node, DOMAIN)
    new = sites.NewSite.check(
        DOMAIN, title="Guest", admin_email="", admin_user="editor", aliases=[], wordpress=str(wordpress)
    )
    site = sites.create(node, new)
    for plugin in plugins:
        sites.install_extension(node, site, plugin, "plugins")
    if theme is not None:
        sites.install_extension(node, site, theme, "themes")
        _php(node, site, f"switch_theme( '{theme.name}' );")
    _php(node, site, _ACTIVATE)
    if _php(node, site, "echo class_exists( 'WooCommerce' ) ? 'shop' : '';") != "shop":
        return site, {"front page": "/", "dashboard": "/wp-admin/"}, None
    product = _php(node, site, _SHOP)
    return site, {"cart": "/cart/", "shop": "/shop/", "front page": "/"}, f"/?add-to-cart={product}"


def _php(node: Node, site: Site, code: str) -> str:
    public = node.layout.site(site.name).public
    script = f"require '{public}/wp-load.php'; wp_set_current_user( 1 ); {code}"
    return sites.run_inside(node, site, ["php8.2", "-r", script], timeout=300).stdout
