"""Shopping: guests and customers at a shop of WooCommerce's, by its blocks and by its forms of old."""

from __future__ import annotations

from typing import Any

from tests.trial.walk import Walk
from tests.trial.words import PASSWORD, SAID

# As the blocks of cart and checkout do: a nonce comes with each answer. What is not read counts as still under way.
_STORE = """async ([method, path, data]) => {
    const cart = await fetch('/wp-json/wc/store/v1/cart');
    await cart.text();
    const answer = await fetch('/wp-json/wc/store/v1/' + path, {method, body: JSON.stringify(data),
        headers: {'Content-Type': 'application/json', 'Nonce': cart.headers.get('Nonce')}});
    const text = await answer.text();
    if (!answer.ok) throw new Error(answer.status + ' ' + text.slice(0, 200));
}"""
_SHOP = """
foreach ( array( 'old-cart' => 'cart', 'old-checkout' => 'checkout' ) as $slug => $code )
    if ( ! get_page_by_path( $slug ) ) wp_insert_post( array( 'post_type' => 'page', 'post_status' => 'publish', 'post_name' => $slug,
        'post_title' => $slug, 'post_content' => "<!-- wp:shortcode -->[woocommerce_$code]<!-- /wp:shortcode -->" ) );
update_option( 'woocommerce_cod_settings', array( 'enabled' => 'yes', 'title' => 'When it is brought' ) );
update_option( 'woocommerce_coming_soon', 'no' );
foreach ( array( 'company', 'address_2' ) as $field ) update_option( "woocommerce_checkout_{$field}_field", 'optional' );
update_option( 'woocommerce_enable_myaccount_registration', 'yes' );
update_option( 'woocommerce_registration_generate_password', 'no' );
update_option( 'woocommerce_enable_coupons', 'yes' );
$product = new WC_Product_Simple(); $product->set_name( 'Stool' ); $product->set_regular_price( 10 ); $product->set_virtual( true );
echo $product->save();
"""
_ADDRESS = {
    "first_name": "Anna", "last_name": "O'Neil", "company": "Select & Sons; Ltd.", "address_1": "12 Union St. (rear), Flat #3",
    "address_2": "c/o \"Drop\" Table -- left", "city": "King's Lynn", "state": "", "postcode": "PE30 1AA", "country": "GB",
    "email": "anna+shop@example.org", "phone": "+44 (20) 7946-0000",
}  # fmt: skip
_NOTE = "Please don't ring -- leave at no. 10; or select a shop & update me. It's <small>. 50% now?\n$5 `tip`"


def prepare(walk: Walk) -> int:
    return int(walk.paper.php(_SHOP))


def guests(walk: Walk) -> None:
    product = prepare(walk)
    with walk.as_visitor():
        for path in (
            "/?post_type=product",
            "/?post_type=product&orderby=price-desc&min_price=1&max_price=50",
            f"/?p={product}",
            "/?s=chair+%26+table&post_type=product",
        ):
            walk.visit(f"a guest at {path}", path)
        walk.form("into the cart", f"/?p={product}", {"input[name=quantity]": "2"}, "[name=add-to-cart]")
        walk.visit("the cart", "/cart/")
        _store(walk, "one more", "cart/add-item", {"id": product, "quantity": 1})
        _store(walk, "a coupon", "cart/apply-coupon", {"code": "50%off"})
        _store(walk, "another", "cart/apply-coupon", {"code": "o'neil & sons; 10%"})
        _store(walk, "without it", "cart/remove-coupon", {"code": "50%off"})
        _store(
            walk, "where it goes", "cart/update-customer", {"billing_address": _ADDRESS, "shipping_address": _ADDRESS}
        )
        item = {"path": "/wc/store/v1/cart/add-item", "method": "POST", "body": {"id": product, "quantity": 1}}
        _store(walk, "several at once", "batch", {"requests": [item]})
        walk.visit("the checkout", "/checkout/")
        _store(
            walk,
            "a guest's order",
            "checkout",
            {
                "billing_address": _ADDRESS,
                "shipping_address": _ADDRESS,
                "customer_note": _NOTE,
                "payment_method": "cod",
            },
        )
        _by_forms(walk, product, "a guest")


def _store(walk: Walk, what: str, path: str, data: dict[str, Any]) -> None:
    walk.script(what, _STORE, ["POST", path, data])


def _by_forms(walk: Walk, product: int, who: str) -> None:
    walk.visit(f"{who}: into the cart by a link", f"/?add-to-cart={product}")
    walk.form(f"{who}: a coupon in the form", "/old-cart/", {"#coupon_code": "50%off"}, "[name=apply_coupon]")
    walk.form(f"{who}: how many", "/old-cart/", {"input.qty": "3"}, "[name=update_cart]")
    with walk.step(f"{who}: the order in the form"):
        walk.page.goto(f"{walk.url}/old-checkout/", wait_until="load")
        walk.put(
            {f"#billing_{name}": value for name, value in _ADDRESS.items() if name != "state"}
            | {"#order_comments": _NOTE}
        )
        walk.settle()
        walk.press("#place_order")
        walk.page.wait_for_url("**order-received**", timeout=30_000)


def customers(walk: Walk) -> None:
    product = prepare(walk)
    with walk.as_visitor():
        fields = {"#reg_email": "o'neil+x@example.org", "#reg_password": PASSWORD}
        walk.form("an account", "/my-account/", fields, "[name=register]")
        fields = {f"#billing_{name}": value for name, value in _ADDRESS.items() if name not in ("state", "country")}
        walk.form("an address", "/my-account/edit-address/billing/", fields, "[name=save_address]")
        fields = {
            "#account_first_name": "Anna; --",
            "#account_last_name": "O'Neil",
            "#account_display_name": SAID[:40],
        }
        changed = {"#password_current": PASSWORD, "#password_1": f"{PASSWORD}!", "#password_2": f"{PASSWORD}!"}
        walk.form("one's details", "/my-account/edit-account/", fields | changed, "[name=save_account_details]")
        _by_forms(walk, product, "a customer")
        for page in ("orders", "downloads", "edit-address", "payment-methods"):
            walk.visit(f"my-account/{page}", f"/my-account/{page}/")
        walk.form("a review", f"/?p={product}", {"#rating": "5", "#comment": _NOTE}, "#submit")
        walk.form("out", "/my-account/", {}, "a[href*='customer-logout']")
        walk.form(
            "in again",
            "/my-account/",
            {"#username": "o'neil+x@example.org", "#password": f"{PASSWORD}!"},
            "[name=login]",
        )
        walk.form(
            "a lost password of a shop",
            "/my-account/lost-password/",
            {"#user_login": "o'neil+x@example.org"},
            ".lost_reset_password button",
        )
