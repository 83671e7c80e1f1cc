<?php
/**
 * Plugin Name: Pressroom shop test
 * Description: A shop that keeps its goods as large shop plugins do: products as posts with meta, a table to sort and filter by.
 * License: GPL-2.0-or-later
 */

require __DIR__ . '/goods.php';
require __DIR__ . '/views.php';
require __DIR__ . '/traffic.php';

add_action(
	'init',
	function () {
		register_post_type( 'product', array( 'label' => 'Products', 'public' => true, 'has_archive' => 'goods', 'supports' => array( 'title', 'editor', 'comments' ) ) );
		foreach ( array( 'product_variation', 'shop_coupon', 'shop_order' ) as $type ) {
			register_post_type( $type, array( 'label' => $type, 'public' => false ) );
		}
		register_taxonomy( 'product_cat', 'product', array( 'label' => 'Kinds of goods', 'hierarchical' => true ) );
		register_taxonomy( 'pa_colour', 'product', array( 'label' => 'Colours' ) );
		register_taxonomy( 'product_visibility', 'product', array( 'label' => 'Visibility', 'public' => false ) );
	}
);

register_activation_hook(
	__FILE__,
	function () {
		global $wpdb;
		$wpdb->query(
			"CREATE TABLE IF NOT EXISTS {$wpdb->prefix}shop_lookup (product_id BIGINT UNSIGNED PRIMARY KEY, min_price DECIMAL(19,4), max_price DECIMAL(19,4),
			onsale TINYINT(1) DEFAULT 0, stock_quantity DOUBLE, stock_status VARCHAR(100) DEFAULT 'instock', rating_count BIGINT DEFAULT 0,
			average_rating DECIMAL(3,2) DEFAULT 0, total_sales BIGINT DEFAULT 0, KEY min_max_price (min_price, max_price), KEY onsale (onsale))"
		);
		$wpdb->query( "CREATE TABLE IF NOT EXISTS {$wpdb->prefix}shop_sessions (session_id BIGINT AUTO_INCREMENT PRIMARY KEY, session_key CHAR(32) UNIQUE, session_value LONGTEXT, session_expiry BIGINT)" );
		$wpdb->query( "CREATE TABLE IF NOT EXISTS {$wpdb->prefix}shop_actions (action_id BIGINT AUTO_INCREMENT PRIMARY KEY, hook VARCHAR(191), status VARCHAR(20), scheduled_gmt DATETIME, claim_id BIGINT DEFAULT 0)" );
		$wpdb->query( "CREATE TABLE IF NOT EXISTS {$wpdb->prefix}shop_views (post_id BIGINT PRIMARY KEY, views BIGINT)" );
	}
);
