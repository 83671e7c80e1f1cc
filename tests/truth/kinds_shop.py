"""Changes of a shop: prices, sales by the clock, stock, variations, reviews, coupons; carts and counters change nothing."""

from __future__ import annotations

from tests.functional.newspaper import Newspaper
from tests.truth.truth import Kind
from tests.truth.ways import Change, at_its_moment, editor, event, sql

_BY_CLOCK = 3.0  # seconds within which a page that a moment has overtaken is made anew


def _set(product: str, fields: str, more: str = "") -> Change:
    """An editor saves a product; `fields` is PHP's array of them."""
    return editor(f"shop_set(shop_find('{product}'), [{fields}]); {more}")


def _variation(name: str, fields: str) -> Change:
    return editor(f"shop_set(shop_find('{name}', 'product_variation'), [{fields}]);")


def _visitor(action: str, product: str = "Table") -> Change:
    """What a script on a page sends to admin-ajax for a visitor."""

    def send(paper: Newspaper) -> None:
        with paper.client() as visitor:
            answer = visitor.post(
                "/wp-admin/admin-ajax.php", data={"action": action, "product": _number(paper, product)}
            )
        assert answer.text == "done", answer.text[:500]

    return send


def _number(paper: Newspaper, product: str) -> str:
    return paper.value(f"SELECT ID FROM wp_posts WHERE post_type='product' AND post_title='{product}'")


def _review(paper: Newspaper) -> None:
    data = {
        "comment": "Sits well",
        "author": "R",
        "email": "r@example.org",
        "rating": "4",
        "comment_post_ID": _number(paper, "Chair"),
    }
    with paper.client() as reader:
        assert reader.post("/wp-comments-post.php", data=data).status_code == 302


_SALES = event("shop_scheduled_sales();")
_FIRST_REVIEW = (
    "$c = get_comments(['post_type' => 'product', 'status' => 'any', 'orderby' => 'comment_ID', 'order' => 'ASC'])[0];"
)
_RED = "get_term_by('slug', 'red', 'pa_colour')->term_id"

SHOP = [
    Kind("shop: price", _set("Chair", "'regular_price' => '45'")),
    Kind("shop: price that changes no order", _set("Vase", "'regular_price' => '201'")),
    Kind("shop: all prices", editor("foreach (get_posts(['post_type' => 'product', 'numberposts' => -1, 'fields' => 'ids']) as $id) {"
                                    " shop_set($id, ['regular_price' => 1 + get_post_meta($id, '_regular_price', true)]); }")),
    Kind("shop: saved with nothing changed", _set("Chair", "")),
    Kind("shop: sale", _set("Chair", "'sale_price' => '12'")),
    Kind("shop: sale over", _set("Chair", "'sale_price' => ''")),
    Kind("shop: sale planned for tomorrow", _set("Mug", "'sale_price' => '3', 'sale_price_dates_from' => time() + 86400")),
    Kind("shop: sale begins by the clock", at_its_moment("shop_set(shop_find('Mug'), ['sale_price_dates_from' => $moment]);"), waits=False, bound=_BY_CLOCK),
    Kind("shop: its price by the day's event", _SALES, waits=False),
    Kind("shop: sale ends by the clock", at_its_moment("shop_set(shop_find('Mug'), ['sale_price_dates_to' => $moment]);"), waits=False, bound=_BY_CLOCK),
    Kind("shop: the old price by the day's event", _SALES, waits=False),
    Kind("shop: an order", _visitor("shop_order")),
    Kind("shop: stock to zero", _set("Table", "'stock' => 0")),
    Kind("shop: stock again", _set("Table", "'stock' => 9")),
    Kind("shop: a variation's price", _variation("Shirt S", "'regular_price' => '7'")),
    Kind("shop: a new variation", editor("shop_add('Shirt L', ['regular_price' => '35', 'sale_price' => '', 'stock' => 1], shop_find('Shirt'));")),
    Kind("shop: a variation sold out", _variation("Shirt L", "'stock' => 0")),
    Kind("shop: a variation deleted", editor("wp_delete_post(shop_find('Shirt L', 'product_variation'), true); shop_settle(shop_find('Shirt'));")),
    Kind("shop: review by form", _review),
    Kind("shop: review taken back", editor(f"{_FIRST_REVIEW} wp_set_comment_status($c->comment_ID, 'hold');")),
    Kind("shop: review approved", editor(f"{_FIRST_REVIEW} wp_set_comment_status($c->comment_ID, 'approve');")),
    Kind("shop: review's rating", editor(f"{_FIRST_REVIEW} update_comment_meta($c->comment_ID, 'rating', 1); shop_rate($c->comment_post_ID);")),
    Kind("shop: review deleted", editor(f"{_FIRST_REVIEW} wp_delete_comment($c->comment_ID, true);")),
    Kind("shop: coupon", editor("shop_coupon('spring', '5 off');")),
    Kind("shop: coupon's amount", editor("shop_coupon('spring', '9 off');")),
    Kind("shop: coupon ends by the clock", at_its_moment("shop_coupon('spring', '9 off', $moment);"), waits=False, bound=_BY_CLOCK),
    Kind("shop: coupon deleted", editor("wp_delete_post(shop_find('winter', 'shop_coupon'), true);")),
    Kind("shop: a colour renamed", editor(f"wp_update_term({_RED}, 'pa_colour', ['name' => 'Crimson']);")),
    Kind("shop: a colour given", editor("wp_set_object_terms(shop_find('Vase'), 'red', 'pa_colour', true);")),
    Kind("shop: a colour deleted", editor(f"wp_delete_term({_RED}, 'pa_colour');")),
    Kind("shop: a kind of goods", editor("wp_set_object_terms(shop_find('Mug'), 'furniture', 'product_cat');")),
    Kind("shop: new product", editor("shop_add('Bench', ['regular_price' => '11', 'sale_price' => '']);")),
    Kind("shop: product's title", editor("wp_update_post(['ID' => shop_find('Bench'), 'post_title' => 'Long bench']);")),
    Kind("shop: product withdrawn", editor("wp_update_post(['ID' => shop_find('Long bench'), 'post_status' => 'draft']);")),
    Kind("shop: product deleted", editor("$id = shop_find('Long bench'); wp_delete_post($id, true); $GLOBALS['wpdb']->delete('wp_shop_lookup', ['product_id' => $id]);")),
    Kind("shop: a cart", _visitor("shop_cart"), quiet=True),
    Kind("shop: the cart again", _visitor("shop_cart", "Chair"), quiet=True),
    Kind("shop: a view counted", _visitor("shop_view"), quiet=True),
    Kind("shop: the scheduler's round", event("shop_scheduler();"), waits=False, quiet=True),
    Kind("shop: SQL, prices of the lookup table", sql("UPDATE wp_shop_lookup SET min_price=min_price+1 WHERE min_price > 50"), waits=False),
    Kind("shop: SQL, sales of the lookup table", sql("UPDATE wp_shop_lookup SET total_sales=total_sales+1 ORDER BY min_price DESC LIMIT 1"), waits=False),
]  # fmt: skip
