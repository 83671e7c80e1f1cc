"""Running a shop of WooCommerce's: settings, products, coupons, orders, reports. Its pages' own nonces and calls."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from tests.trial import words
from tests.trial.walk import Walk
from tests.trial.words import LINK, MARKUP, PHP, QUOTES, SHELL, SQL

_API = """async ([method, path, data]) => {
    const failed = error => { throw new Error(JSON.stringify(error).slice(0, 200)); };
    return (await wp.apiFetch({path, method, data}).catch(failed)).id || 0;
}"""
# A call of the page's own to admin-ajax.php. `nonce`: where the page has it; it is sent by that name, too.
_CALL = """async ([action, nonce, data]) => {
    const security = nonce.split('.').reduce((there, name) => there[name], window);
    const sent = {action, security, [nonce.split('.').pop()]: security, ...data};
    const answer = await new Promise((done, failed) => jQuery.post((window.ajaxurl || '/wp-admin/admin-ajax.php'), sent)
        .done(done).fail(answer => failed(new Error(answer.status + ' ' + answer.responseText.slice(0, 200)))));
    if (answer === '-1' || answer.success === false) throw new Error('refused by the shop: ' + JSON.stringify(answer));
}"""
_BOXES = "woocommerce_admin_meta_boxes"
_VARIATIONS = "woocommerce_admin_meta_boxes_variations"

_SETTINGS: list[tuple[str, dict[str, Any]]] = [
    ("general", {"#woocommerce_store_address": "12 Union St. (rear), Flat #3; O'Neil & Sons", "#woocommerce_currency": "EUR", "#woocommerce_calc_taxes": True}),
    ("products", {"#woocommerce_weight_unit": "lbs"}),
    ("products&section=inventory", {"#woocommerce_hold_stock_minutes": "61"}),
    ("products&section=downloadable", {}),
    ("tax", {"#woocommerce_price_display_suffix": "incl. 20 % <b>VAT</b> -- {price_excluding_tax}", "#woocommerce_tax_classes": "Reduced; rate\nselect 0%"}),
    ("shipping&section=options", {}),
    ("account", {"#woocommerce_registration_privacy_policy_text": f"[privacy_policy] {SQL}", "#woocommerce_checkout_privacy_policy_text": MARKUP}),
    ("email", {"#woocommerce_email_footer_text": "{site_title} <b>&mdash;</b> {site_url}"}),
    ("email&section=wc_email_new_order", {"#woocommerce_new_order_subject": "[{site_title}]: #{order_number}; 'or' 1=1", "#woocommerce_new_order_additional_content": MARKUP}),
    ("integration", {}),
    ("advanced", {}),
    ("advanced&section=features", {}),
]  # fmt: skip


def shop_settings(walk: Walk) -> None:
    for page in ("wc-admin", "wc-admin&path=%2Fsetup-wizard", "wc-status", "wc-status&tab=tools", "wc-status&tab=logs"):
        walk.visit(f"the shop's {page}", f"/wp-admin/admin.php?page={page}")
    walk.visit("the shop's desk", "/wp-admin/admin.php?page=wc-admin")
    profile = {
        "business_choice": "im_already_selling",
        "store_name": QUOTES,
        "industry": [SQL],
        "skipped": True,
    }
    walk.script("the wizard's answers", _API, ["POST", "/wc-admin/onboarding/profile", profile])
    for tab, fields in _SETTINGS:
        walk.form(
            f"shop settings: {tab}", f"/wp-admin/admin.php?page=wc-settings&tab={tab}", fields, "button[name=save]"
        )
    gateway = {"enabled": True, "title": QUOTES, "description": MARKUP, "settings": {"instructions": SQL}}
    walk.visit("the shop's desk again", "/wp-admin/admin.php?page=wc-admin")
    walk.script("payment when it is brought", _API, ["PUT", "/wc/v3/payment_gateways/cod", gateway])
    walk.script("payment by a bank", _API, ["PUT", "/wc/v3/payment_gateways/bacs", gateway])
    zone = walk.script(
        "a zone of shipping", _API, ["POST", "/wc/v3/shipping/zones", {"name": "Drop-off; UK & 'others'"}]
    )
    walk.script(
        "where it is",
        _API,
        [
            "PUT",
            f"/wc/v3/shipping/zones/{zone}/locations",
            [{"code": "GB", "type": "country"}, {"code": "CB2*", "type": "postcode"}],
        ],
    )
    walk.script(
        "what it costs",
        _API,
        [
            "POST",
            f"/wc/v3/shipping/zones/{zone}/methods",
            {"method_id": "flat_rate", "settings": {"cost": '10 + ( 2 * [qty] ) + [fee percent="10" min_fee="4"]'}},
        ],
    )
    walk.script("a tax", _API, ["POST", "/wc/v3/taxes", {"country": "GB", "rate": "20.0", "name": "VAT 20%; <b>"}])
    walk.form("a zone in the form", "/wp-admin/admin.php?page=wc-settings&tab=shipping&zone_id=new", {}, "body")
    walk.script("its name", _CALL, ["woocommerce_shipping_zone_methods_save_changes", "shippingZoneMethodsLocalizeScript.wc_shipping_zones_nonce",
                {"changes[zone_name]": QUOTES, "changes[zone_locations][]": "country:FR", "changes[zone_postcodes]": "CB2*\n90210...99000", "zone_id": 0}])  # fmt: skip
    walk.form("taxes in the form", "/wp-admin/admin.php?page=wc-settings&tab=tax&section=standard", {}, "body")
    walk.script("a tax's name", _CALL, ["woocommerce_tax_rates_save_changes", "htmlSettingsTaxLocalizeScript.wc_tax_nonce",
                {"current_class": "", "changes[new-0-1][tax_rate_country]": "FR", "changes[new-0-1][tax_rate]": "20", "changes[new-0-1][tax_rate_name]": "T.V.A. -- 20%; 'x'", "changes[new-0-1][newRow]": "1"}])  # fmt: skip
    walk.form("a webhook", "/wp-admin/admin.php?page=wc-settings&tab=advanced&section=webhooks&edit-webhook=0",
              {"#webhook_name": QUOTES, "#webhook_delivery_url": LINK, "#webhook_secret": "x' or 1=1 --"}, "#publish, [name=save]")  # fmt: skip
    walk.visit("keys of the API", "/wp-admin/admin.php?page=wc-settings&tab=advanced&section=keys&create-key=1")
    walk.script("a key of the API", _CALL, ["woocommerce_update_api_key", "woocommerce_admin_api_keys.update_api_nonce",
                {"key_id": 0, "description": QUOTES, "user": 1, "permissions": "read_write"}])  # fmt: skip


def products(walk: Walk) -> None:
    fields = {
        "#title": "Chair 'select'; 50% off",
        "#content": f"{MARKUP}{SQL}",
        "#_regular_price": "20.50",
        "#_sale_price": "10",
        "#_sku": "chair-1; drop",
        "#_purchase_note": SHELL,
    }
    _product(walk, "a product", fields)
    walk.form("the product changed", "", {"#_regular_price": "21"}, "#publish")
    _product(
        walk,
        "a download",
        {"#title": QUOTES, "#content": PHP, "#_regular_price": "5", "#_downloadable": True, "#_virtual": True},
    )
    _product(
        walk,
        "what is sold elsewhere",
        {"#title": "Affiliate", "#product-type": "external", "#_product_url": LINK, "#_button_text": "Buy <now>"},
    )
    variable(walk)
    with walk.step("quick edit of a product"):
        walk.page.goto(f"{walk.url}/wp-admin/edit.php?post_type=product", wait_until="load")
        walk.press("#the-list .editinline")
        walk.put(
            {
                ".inline-edit-row:not(#inline-edit) input[name=post_title]": QUOTES,
                ".inline-edit-row:not(#inline-edit) input[name=_regular_price]": "22",
            }
        )
        walk.press(".inline-edit-row .save")
    fields = {"#attribute_label": "Colour; <b>", "#attribute_name": "colour"}
    walk.form(
        "an attribute of all products",
        "/wp-admin/edit.php?post_type=product&page=product_attributes",
        fields,
        "#submit",
    )
    fields = {"#tag-name": QUOTES, "#tag-description": MARKUP}
    walk.form(
        "a category of products",
        "/wp-admin/edit-tags.php?taxonomy=product_cat&post_type=product",
        fields,
        "#addtag #submit",
    )
    for search in words.SEARCHES[:3]:
        walk.visit(
            f"products with {search}",
            f"/wp-admin/edit.php?s={quote(search)}&post_type=product&stock_status=&product_type=",
        )
    walk.script("products looked for", "async s => { await jQuery.get(ajaxurl, {action: 'woocommerce_json_search_products', term: s,"
                " security: wc_enhanced_select_params.search_products_nonce}).catch(() => 0); }", words.SEARCHES[1])  # fmt: skip
    imported(walk)


def _product(walk: Walk, what: str, fields: dict[str, Any]) -> None:
    with walk.step(what):
        walk.page.goto(f"{walk.url}/wp-admin/post-new.php?post_type=product", wait_until="load")
        walk.press("#content-html")
        walk.put(fields)
        walk.press("#publish")


def variable(walk: Walk) -> None:
    _product(walk, "a product of several kinds", {"#title": "Shirt", "#content": MARKUP, "#product-type": "variable"})
    number = int(walk.paper.value("SELECT MAX(ID) FROM wp_posts WHERE post_type='product'"))
    row = {
        "attribute_names[0]": "Size; 'x'",
        "attribute_values[0]": "S (select) | M & L | <XL>",
        "attribute_position[0]": 0,
        "attribute_visibility[0]": 1,
        "attribute_variation[0]": 1,
    }
    data = "&".join(f"{quote(name)}={quote(str(value))}" for name, value in row.items())
    walk.script(
        "its attributes",
        _CALL,
        [
            "woocommerce_save_attributes",
            f"{_BOXES}.save_attributes_nonce",
            {"post_id": number, "product_type": "variable", "data": data},
        ],
    )
    walk.script(
        "its kinds",
        _CALL,
        ["woocommerce_link_all_variations", f"{_VARIATIONS}.link_variation_nonce", {"post_id": number}],
    )
    walk.script("its kinds shown", _CALL, ["woocommerce_load_variations", f"{_VARIATIONS}.load_variations_nonce",
                {"product_id": number, "page": 1, "per_page": 15, "attributes[size-x][name]": "Size; 'x'", "attributes[size-x][value]": "S (select) | M & L"}])  # fmt: skip
    kind = walk.paper.value(
        f"SELECT MIN(ID) FROM wp_posts WHERE post_parent={number} AND post_type='product_variation'"
    )
    walk.script("a kind's words", _CALL, ["woocommerce_save_variations", f"{_VARIATIONS}.save_variations_nonce",
                {"product_id": number, "product-type": "variable", "variable_post_id[0]": kind, "variable_regular_price[0]": "9.90", "variable_sku[0]": "s; drop",
                 "variable_description[0]": MARKUP + SQL, "variable_enabled[0]": 1, "variable_menu_order[0]": 0, "upload_image_id[0]": 0, "attribute_size-x[0]": "S (select)"}])  # fmt: skip
    walk.script("the price of all", _CALL, ["woocommerce_bulk_edit_variations", f"{_VARIATIONS}.bulk_edit_variations_nonce",
                {"product_id": number, "product_type": "variable", "bulk_action": "variable_regular_price_increase", "data[value]": "10%"}])  # fmt: skip
    walk.form("published", "", {}, "#publish")


def imported(walk: Walk) -> None:
    csv = f'SKU,Name,Description,"Regular price",Categories\nimp-1,"Lamp; 50% <b>","{SQL.replace(chr(34), "")} {SHELL.replace(chr(34), "")}",5,"A > B, C"\nimp-2,=cmd|x,"<script>go()</script>",6,D\n'
    upload = {"name": "products.csv", "mimeType": "text/csv", "buffer": csv.encode()}
    walk.form(
        "a table of products",
        "/wp-admin/edit.php?post_type=product&page=product_importer",
        {"#upload": upload},
        "button[name=save_step]",
    )
    with walk.step("the table's columns"):
        walk.press("button[name=save_step]")
        walk.page.wait_for_url("**step=done**", timeout=30_000)
    walk.visit("products as a table", "/wp-admin/edit.php?post_type=product&page=product_exporter")
    walk.form("the table made", "", {}, ".woocommerce-exporter-button")


def coupons(walk: Walk) -> None:
    for code, amount in (("50%off", "50"), ("O'NEIL & SONS; 10%", "10"), ("select-from", "1")):
        fields = {
            "#title": code,
            "#woocommerce-coupon-description": f"{SQL} 100% {QUOTES}",
            "#discount_type": "percent",
            "#coupon_amount": amount,
            "#customer_email": "",
        }
        walk.form(f"coupon {code}", "/wp-admin/post-new.php?post_type=shop_coupon", fields, "#publish")
    walk.visit("coupons", f"/wp-admin/edit.php?post_type=shop_coupon&s={quote('50%')}")


def orders(walk: Walk) -> None:
    walk.visit("orders", f"/wp-admin/admin.php?page=wc-orders&s={quote(QUOTES)}&search-filter=all")
    product = int(walk.paper.value("SELECT MIN(ID) FROM wp_posts WHERE post_type='product' AND post_status='publish'"))
    person = {
        "first_name": "Anna",
        "last_name": "O'Neil",
        "address_1": "12 Union St. (rear); #3",
        "city": "Cambridge",
        "country": "GB",
        "postcode": "CB2 1AA",
        "email": "a@example.org",
    }
    order = {
        "billing": person,
        "customer_note": SQL,
        "set_paid": True,
        "line_items": [{"product_id": product, "quantity": 2}],
    }
    walk.visit("the desk", "/wp-admin/admin.php?page=wc-admin")
    number = walk.script("an order by the API", _API, ["POST", "/wc/v3/orders", order])
    walk.script(
        "a note by the API",
        _API,
        ["POST", f"/wc/v3/orders/{number}/notes", {"note": MARKUP + SHELL, "customer_note": True}],
    )
    walk.form("the order", f"/wp-admin/admin.php?page=wc-orders&action=edit&id={number}",
              {"#_billing_first_name": "Anna; --", "#customer_note, [name=customer_note]": f"Please don't ring -- {QUOTES}", "#order_status": "wc-processing"}, "button.save_order")  # fmt: skip
    walk.script(
        "a note",
        _CALL,
        [
            "woocommerce_add_order_note",
            f"{_BOXES}.add_order_note_nonce",
            {"post_id": number, "note": f"{SQL} {MARKUP}", "note_type": "customer"},
        ],
    )
    walk.script(
        "one more of it",
        _CALL,
        [
            "woocommerce_add_order_item",
            f"{_BOXES}.order_item_nonce",
            {"order_id": number, "data[0][id]": product, "data[0][qty]": 1},
        ],
    )
    walk.script(
        "a fee",
        _CALL,
        ["woocommerce_add_order_fee", f"{_BOXES}.order_item_nonce", {"order_id": number, "amount": "10%"}],
    )
    walk.script(
        "a coupon on it",
        _CALL,
        ["woocommerce_add_coupon_discount", f"{_BOXES}.order_item_nonce", {"order_id": number, "coupon": "50%off"}],
    )
    items = "&".join(
        f"{quote(name)}={quote(value)}"
        for name, value in {
            "order_item_id[]": walk.paper.value(
                f"SELECT MIN(order_item_id) FROM wp_woocommerce_order_items WHERE order_id={int(number or 0)}"
            ),
            "meta_key[1][new-0]": "select; from",
            "meta_value[1][new-0]": MARKUP,
        }.items()
    )
    walk.script(
        "its items",
        _CALL,
        ["woocommerce_save_order_items", f"{_BOXES}.order_item_nonce", {"order_id": number, "items": items}],
    )
    walk.script(
        "its sum",
        _CALL,
        [
            "woocommerce_calc_line_taxes",
            f"{_BOXES}.calc_totals_nonce",
            {"order_id": number, "items": items, "country": "GB", "postcode": "CB2 1AA", "city": "O'Neil"},
        ],
    )
    walk.script("money back", _CALL, ["woocommerce_refund_line_items", f"{_BOXES}.order_item_nonce",
                {"order_id": number, "refund_amount": "1.00", "refunded_amount": "0", "refund_reason": f"Broken; 50% -- {SQL}", "line_item_qtys": "{}", "line_item_totals": "{}", "line_item_tax_totals": "{}", "api_refund": "false", "restock_refunded_items": "true"}])  # fmt: skip
    walk.visit("the desk once more", "/wp-admin/admin.php?page=wc-admin")
    walk.script(
        "money back by the API",
        _API,
        ["POST", f"/wc/v3/orders/{number}/refunds", {"amount": "1.00", "reason": MARKUP, "api_refund": False}],
    )
    walk.script(
        "a product by the API",
        _API,
        [
            "POST",
            "/wc/v3/products",
            {"name": QUOTES, "description": MARKUP, "short_description": SQL, "regular_price": "9"},
        ],
    )
    walk.script(
        "a coupon by the API",
        _API,
        ["POST", "/wc/v3/coupons", {"code": "20%; api", "amount": "20", "description": SHELL}],
    )
    walk.script(
        "several at once", _API, ["POST", "/wc/v3/products/batch", {"create": [{"name": SQL, "description": PHP}]}]
    )
    walk.script(
        "a customer by the API",
        _API,
        [
            "POST",
            "/wc/v3/customers",
            {"email": "o'neil@example.org", "password": words.PASSWORD, "first_name": "; --", "billing": person},
        ],
    )


def reports(walk: Walk) -> None:
    for path in ("overview", "products", "revenue", "orders", "customers", "coupons", "stock"):
        walk.visit(
            f"analytics: {path}",
            f"/wp-admin/admin.php?page=wc-admin&path=%2Fanalytics%2F{path}&period=month&compare=previous_year",
        )
    walk.script(
        "a table by mail",
        _API,
        [
            "POST",
            "/wc-analytics/reports/orders/export",
            {"report_args": {"after": "2026-01-01T00:00:00", "filter": "select; from"}},
        ],
    )
    walk.script(
        "a customer looked for",
        "async s => { await wp.apiFetch({path: wp.url.addQueryArgs('/wc-analytics/customers', {search: s, searchby: 'all'})}); }",
        'O\'Neil & "Sons"',
    )
    for tab in ("orders", "customers", "stock", "taxes"):
        walk.visit(
            f"reports: {tab}",
            f"/wp-admin/admin.php?page=wc-reports&tab={tab}&range=custom&start_date=2026-01-01&end_date=2026-12-31",
        )
