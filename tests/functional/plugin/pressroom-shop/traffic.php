<?php
/** What visitors' carts and orders, view counters and a scheduler write, by admin-ajax as scripts do it. */

function shop_answer( $name, $do ) {
	add_action(
		"wp_ajax_nopriv_$name",
		function () use ( $do ) {
			global $wpdb;
			$do( $wpdb, (int) ( $_POST['product'] ?? 0 ) );
			wp_die( 'done' );
		}
	);
}

/** A cart is a session's row, written anew at each step. */
shop_answer(
	'shop_cart',
	function ( $wpdb, $product ) {
		$wpdb->query( $wpdb->prepare( "INSERT INTO {$wpdb->prefix}shop_sessions (session_key, session_value, session_expiry) VALUES (%s, %s, %d) ON DUPLICATE KEY UPDATE session_value = VALUES(session_value), session_expiry = VALUES(session_expiry)", md5( 'visitor' ), serialize( array( 'cart' => array( $product, wp_rand() ) ) ), time() + DAY_IN_SECONDS ) );
	}
);

shop_answer(
	'shop_view',
	function ( $wpdb, $product ) {
		$wpdb->query( $wpdb->prepare( "INSERT INTO {$wpdb->prefix}shop_views VALUES (%d, 1) ON DUPLICATE KEY UPDATE views = views + 1", $product ) );
	}
);

/** An order: a post of its own, the stock counted down by a statement, the product settled. */
shop_answer(
	'shop_order',
	function ( $wpdb, $product ) {
		wp_insert_post( array( 'post_type' => 'shop_order', 'post_status' => 'private', 'post_title' => 'Order' ) );
		$wpdb->query( $wpdb->prepare( "UPDATE $wpdb->postmeta SET meta_value = meta_value - 1 WHERE post_id = %d AND meta_key = '_stock'", $product ) );
		wp_cache_delete( $product, 'post_meta' );
		update_post_meta( $product, 'total_sales', 1 + (int) get_post_meta( $product, 'total_sales', true ) );
		shop_settle( $product );
	}
);

/** The scheduler's round: rows are claimed, run and closed, old ones and ended sessions go. */
function shop_scheduler() {
	global $wpdb;
	$table = "{$wpdb->prefix}shop_actions";
	$wpdb->query( "INSERT INTO $table (hook, status, scheduled_gmt) VALUES ('shop_nothing', 'pending', UTC_TIMESTAMP()), ('shop_nothing', 'complete', '2020-01-01')" );
	$wpdb->query( "UPDATE $table SET claim_id = 7, status = 'in-progress' WHERE status = 'pending'" );
	$wpdb->query( "UPDATE $table SET status = 'complete' WHERE claim_id = 7" );
	$wpdb->query( "DELETE FROM $table WHERE scheduled_gmt < '2021-01-01'" );
	$wpdb->query( "DELETE FROM {$wpdb->prefix}shop_sessions WHERE session_expiry < UNIX_TIMESTAMP()" );
	update_option( 'shop_scheduler_lock', time(), false );
}
