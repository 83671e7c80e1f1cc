<?php
/** What visitors see of the goods: a product's page, and lists by the lookup table. */

add_filter(
	'the_content',
	function ( $content ) {
		return get_post_type() === 'product' && is_singular( 'product' ) ? $content . shop_product( get_the_ID() ) : $content;
	}
);

function shop_product( $id ) {
	global $wpdb;
	$all  = get_post_meta( $id ); // all of it at once, as shop plugins load a product
	$text = shop_price( $id ) . sprintf( '<p>%s; %s of %s; sold %s</p>', $all['_stock_status'][0], $all['_average_rating'][0] ?? '-', $all['_rating_count'][0] ?? 0, $all['total_sales'][0] ?? 0 );
	$own  = new WP_Query( array( 'post_type' => 'product_variation', 'post_parent' => $id, 'orderby' => 'ID', 'order' => 'ASC', 'posts_per_page' => -1 ) );
	foreach ( $own->posts as $part ) {
		$text .= "<p>$part->post_title: " . shop_price( $part->ID ) . get_post_meta( $part->ID, '_stock_status', true ) . '</p>';
	}
	foreach ( array( 'product_cat', 'pa_colour' ) as $taxonomy ) {
		$text .= get_the_term_list( $id, $taxonomy, "<p>$taxonomy: ", ', ', '</p>' );
	}
	$kinds = wp_get_object_terms( $id, 'product_cat', array( 'fields' => 'ids' ) );
	if ( $kinds ) {
		$others = $wpdb->get_col( "SELECT p.ID FROM $wpdb->posts p JOIN $wpdb->term_relationships r ON r.object_id = p.ID WHERE r.term_taxonomy_id IN (" . implode( ',', array_map( 'intval', $kinds ) ) . ") AND p.post_type = 'product' AND p.post_status = 'publish' AND p.ID <> " . (int) $id . ' ORDER BY p.ID LIMIT 3' );
		$text  .= shop_links( $others );
	}
	return $text;
}

function shop_price( $id ) {
	$badge = shop_is_on_sale( $id ) ? '<b>Sale!</b> <del>' . esc_html( get_post_meta( $id, '_regular_price', true ) ) . '</del> ' : '';
	return "<p>$badge" . esc_html( get_post_meta( $id, '_price', true ) ) . '</p>';
}

function shop_links( $ids ) {
	_prime_post_caches( $ids );
	$text = '';
	foreach ( $ids as $id ) {
		$text .= sprintf( '<li><a href="%s">%s</a> %s</li>', esc_url( get_permalink( $id ) ), esc_html( get_the_title( $id ) ), shop_price( $id ) );
	}
	return "<ul>$text</ul>";
}

/** `by`: price, rating or sales. What is sold out is left out. */
add_shortcode(
	'shop_list',
	function ( $given ) {
		global $wpdb;
		$order = array( 'price' => 'l.min_price ASC', 'rating' => 'l.average_rating DESC, l.rating_count DESC', 'sales' => 'l.total_sales DESC' )[ $given['by'] ];
		$gone  = get_term_by( 'slug', 'outofstock', 'product_visibility' );
		$where = $gone ? "AND p.ID NOT IN (SELECT object_id FROM $wpdb->term_relationships WHERE term_taxonomy_id IN ($gone->term_taxonomy_id))" : '';
		$ids   = $wpdb->get_col( "SELECT SQL_CALC_FOUND_ROWS p.ID FROM $wpdb->posts p LEFT JOIN {$wpdb->prefix}shop_lookup l ON p.ID = l.product_id WHERE p.post_type = 'product' AND p.post_status = 'publish' $where GROUP BY p.ID ORDER BY $order, l.product_id LIMIT 0, 4" );
		return (int) $wpdb->get_var( 'SELECT FOUND_ROWS()' ) . ' goods' . shop_links( $ids );
	}
);

add_shortcode(
	'shop_on_sale',
	function () {
		global $wpdb;
		return shop_links( $wpdb->get_col( "SELECT l.product_id FROM {$wpdb->prefix}shop_lookup l JOIN $wpdb->posts p ON p.ID = l.product_id WHERE l.onsale = 1 AND p.post_status = 'publish' ORDER BY l.product_id" ) );
	}
);

/** Colours, with the number of goods in stock: what a shop's filters count. */
add_shortcode(
	'shop_filter',
	function () {
		global $wpdb;
		$text = '';
		foreach ( get_terms( array( 'taxonomy' => 'pa_colour' ) ) as $term ) {
			$number = $wpdb->get_var( $wpdb->prepare( "SELECT COUNT(DISTINCT p.ID) FROM $wpdb->posts p JOIN {$wpdb->prefix}shop_lookup l ON l.product_id = p.ID AND l.stock_status = 'instock' JOIN $wpdb->term_relationships r ON r.object_id = p.ID WHERE p.post_status = 'publish' AND r.term_taxonomy_id = %d", $term->term_taxonomy_id ) );
			$text  .= "<li>$term->name ($number)</li>";
		}
		$prices = $wpdb->get_row( "SELECT MIN(min_price) AS low, MAX(max_price) AS high FROM {$wpdb->prefix}shop_lookup" );
		return "<ul>$text</ul>$prices->low to $prices->high";
	}
);

add_shortcode(
	'shop_coupons',
	function () {
		$text = '';
		foreach ( get_posts( array( 'post_type' => 'shop_coupon', 'orderby' => 'title' ) ) as $coupon ) {
			$ends = (int) get_post_meta( $coupon->ID, 'date_expires', true );
			if ( ! $ends || $ends > time() ) {
				$text .= '<li>' . esc_html( $coupon->post_title . ' ' . get_post_meta( $coupon->ID, 'coupon_amount', true ) ) . '</li>';
			}
		}
		return "<ul>$text</ul>";
	}
);

add_filter(
	'comment_text',
	function ( $text, $comment = null ) {
		$rating = $comment ? get_comment_meta( $comment->comment_ID, 'rating', true ) : '';
		return $rating ? "<i>$rating of 5</i> $text" : $text;
	},
	10,
	2
);
