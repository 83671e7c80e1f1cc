<?php
/**
 * What is in the page's head: our rules, and nothing that asks another server or runs a script.
 *
 * @package Newsroom
 */

defined( 'ABSPATH' ) || exit;

add_action( 'wp_enqueue_scripts', 'newsroom_assets', 100 );
add_action( 'init', 'newsroom_quiet' );
add_filter( 'emoji_svg_url', '__return_false' );
add_filter( 'wp_resource_hints', 'newsroom_no_hints', 10, 2 );
remove_action( 'wp_footer', 'twenty_twenty_one_supports_js' );
add_action( 'after_setup_theme', 'newsroom_parent_scripts', 20 );

/**
 * One sheet, printed into the page: it is small, and so a first visit waits for one answer only.
 *
 * The file is included and not read, so that it counts as code of the page, like the templates.
 */
function newsroom_assets() {
	foreach ( array( 'twenty-twenty-one-style', 'twenty-twenty-one-print-style', 'wp-block-library', 'wp-block-library-theme', 'global-styles', 'classic-theme-styles' ) as $style ) {
		wp_dequeue_style( $style );
	}
	foreach ( array( 'twenty-twenty-one-ie11-polyfills', 'twenty-twenty-one-primary-navigation-script', 'twenty-twenty-one-responsive-embeds-script', 'wp-embed' ) as $script ) {
		wp_dequeue_script( $script );
	}
	if ( ! is_singular( 'post' ) || ! comments_open() || ! get_comments_number() ) {
		wp_dequeue_script( 'comment-reply' );
	}
	ob_start();
	include __DIR__ . '/../assets/newsroom.css';
	wp_register_style( 'newsroom', false, array(), null );
	wp_enqueue_style( 'newsroom' );
	wp_add_inline_style( 'newsroom', (string) ob_get_clean() );
}

/**
 * Takes away what WordPress prints by itself and no reader of this paper needs.
 */
function newsroom_quiet() {
	remove_action( 'wp_head', 'print_emoji_detection_script', 7 );
	remove_action( 'wp_print_styles', 'print_emoji_styles' );
	remove_action( 'wp_head', 'wp_generator' );
	remove_action( 'wp_head', 'rsd_link' );
	remove_action( 'wp_head', 'wlwmanifest_link' );
	remove_action( 'wp_head', 'wp_oembed_add_discovery_links' );
	remove_action( 'wp_head', 'wp_shortlink_wp_head' );
	remove_action( 'wp_head', 'feed_links_extra', 3 );
	remove_action( 'wp_enqueue_scripts', 'wp_enqueue_global_styles' );
	remove_action( 'wp_footer', 'wp_enqueue_global_styles', 1 );
	remove_action( 'wp_body_open', 'wp_global_styles_render_svg_filters' );
	remove_filter( 'render_block', 'wp_render_layout_support_flag', 10 );
}

/**
 * The parent's footer scripts serve browsers and menus that are not here.
 */
function newsroom_parent_scripts() {
	remove_action( 'wp_print_footer_scripts', 'twenty_twenty_one_skip_link_focus_fix' );
	remove_action( 'wp_footer', 'twentytwentyone_add_ie_class' );
	remove_action( 'wp_footer', 'twenty_twenty_one_supports_js' );
	remove_action( 'wp_enqueue_scripts', 'twenty_twenty_one_non_latin_languages' );
}

/**
 * No look-ups of other servers' names.
 *
 * @param array  $urls     The hints.
 * @param string $relation Their kind.
 */
function newsroom_no_hints( $urls, $relation ) {
	return 'dns-prefetch' === $relation ? array() : $urls;
}
