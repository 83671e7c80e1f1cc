<?php
/** Products: what an editor's form, an import or an event does to them. */

/** A new product (or a variation of `$parent`); returns its number. `$fields`: meta without the leading underscore. */
function shop_add( $title, $fields, $parent = 0 ) {
	global $wpdb;
	$type = $parent ? 'product_variation' : 'product';
	$date = gmdate( 'Y-m-d H:i:s', strtotime( '2026-03-01' ) + 60 * $wpdb->get_var( "SELECT MAX(ID) FROM $wpdb->posts" ) ); // no two of one date, which MariaDB gives in any order
	$id   = wp_insert_post( array( 'post_type' => $type, 'post_title' => $title, 'post_content' => "About $title.", 'post_status' => 'publish', 'post_parent' => $parent, 'comment_status' => 'open', 'post_date' => $date ) );
	shop_set( $id, $fields );
	return $id;
}

function shop_find( $title, $type = 'product' ) {
	return get_posts( array( 'post_type' => $type, 'title' => $title, 'post_status' => 'any' ) )[0]->ID;
}

function shop_set( $id, $fields ) {
	foreach ( $fields as $name => $value ) {
		update_post_meta( $id, "_$name", $value );
	}
	shop_settle( $id );
}

function shop_is_on_sale( $id ) {
	$from = (int) get_post_meta( $id, '_sale_price_dates_from', true );
	$to   = (int) get_post_meta( $id, '_sale_price_dates_to', true );
	return get_post_meta( $id, '_sale_price', true ) !== '' && $from <= time() && ( ! $to || $to > time() );
}

/** What follows from a product's meta: its price now, whether it can be bought, its row in the lookup table. */
function shop_settle( $id ) {
	global $wpdb;
	$parent  = wp_get_post_parent_id( $id );
	$on_sale = shop_is_on_sale( $id );
	$stock   = get_post_meta( $id, '_stock', true );
	$status  = $stock === '' || $stock > 0 ? 'instock' : 'outofstock';
	update_post_meta( $id, '_price', get_post_meta( $id, $on_sale ? '_sale_price' : '_regular_price', true ) );
	update_post_meta( $id, '_stock_status', $status );
	if ( $parent ) {
		shop_settle( $parent );
		return;
	}
	wp_set_object_terms( $id, $status === 'outofstock' ? array( 'outofstock' ) : array(), 'product_visibility' );
	$prices = array( (float) get_post_meta( $id, '_price', true ) );
	$parts  = get_posts( array( 'post_type' => 'product_variation', 'post_parent' => $id, 'fields' => 'ids', 'numberposts' => -1 ) );
	if ( $parts ) {
		$prices = array_map( function ( $part ) { return (float) get_post_meta( $part, '_price', true ); }, $parts );
	}
	$wpdb->replace(
		"{$wpdb->prefix}shop_lookup",
		array(
			'product_id' => $id, 'min_price' => min( $prices ), 'max_price' => max( $prices ), 'onsale' => (int) $on_sale,
			'stock_quantity' => $stock === '' ? null : $stock, 'stock_status' => $status,
			'rating_count' => (int) get_post_meta( $id, '_rating_count', true ), 'average_rating' => (float) get_post_meta( $id, '_average_rating', true ),
			'total_sales' => (int) get_post_meta( $id, 'total_sales', true ),
		)
	);
}

/** The daily event: prices follow the sales that have begun or ended. */
function shop_scheduled_sales() {
	global $wpdb;
	$ids = $wpdb->get_col( $wpdb->prepare( "SELECT DISTINCT post_id FROM $wpdb->postmeta WHERE meta_key IN ('_sale_price_dates_from', '_sale_price_dates_to') AND meta_value > 0 AND meta_value < %d", time() ) );
	array_map( 'shop_settle', $ids );
}

/** Reviews are comments with a rating; the product keeps what they amount to. */
function shop_rate( $id ) {
	global $wpdb;
	if ( get_post_type( $id ) !== 'product' ) {
		return;
	}
	$sum = $wpdb->get_row( $wpdb->prepare( "SELECT COUNT(*) AS number, AVG(m.meta_value) AS average FROM $wpdb->commentmeta m JOIN $wpdb->comments c ON c.comment_ID = m.comment_id WHERE m.meta_key = 'rating' AND c.comment_approved = '1' AND c.comment_post_ID = %d", $id ) );
	shop_set( $id, array( 'rating_count' => $sum->number, 'average_rating' => round( (float) $sum->average, 2 ) ) );
}
add_action( 'wp_update_comment_count', 'shop_rate' );
add_action(
	'comment_post',
	function ( $comment ) {
		if ( isset( $_POST['rating'] ) ) {
			add_comment_meta( $comment, 'rating', (int) $_POST['rating'], true );
			shop_rate( get_comment( $comment )->comment_post_ID );
		}
	}
);

/** A coupon, by its code. */
function shop_coupon( $code, $amount, $expires = '' ) {
	$found = get_posts( array( 'post_type' => 'shop_coupon', 'title' => $code ) );
	$id    = $found ? $found[0]->ID : wp_insert_post( array( 'post_type' => 'shop_coupon', 'post_title' => $code, 'post_status' => 'publish' ) );
	update_post_meta( $id, 'coupon_amount', $amount );
	update_post_meta( $id, 'date_expires', $expires );
}
