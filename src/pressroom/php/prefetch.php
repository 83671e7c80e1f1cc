<?php
/**
 * Speculation rules (html.spec.whatwg.org, 7.6): which links a browser may ask for when they are pressed. WordPress 6.8 and
 * later print such rules by themselves; before it the platform does, and leaves out what they leave out: scripts, files,
 * addresses with arguments, and links that say so.
 *
 * In the page, and not by a header that names a file: a browser asks for that file before the page's first picture.
 */

/** In a render alone: what is not stored takes PHP's time, and may be asked for by a link that is never followed. */
function pressroom_print_prefetch_rules() {
	if ( function_exists( 'wp_print_speculation_rules' ) ) {
		return;
	}
	$links = array(
		array( 'href_matches' => '/*' ),
		array( 'not' => array( 'href_matches' => array( '/wp-*.php', '/wp-admin/*', '/wp-content/*', '/*\\?(.+)' ) ) ),
		array( 'not' => array( 'selector_matches' => 'a[rel~="nofollow"], .no-prefetch, .no-prefetch a' ) ),
	);
	$rule  = array(
		'source'    => 'document',
		'where'     => array( 'and' => $links ),
		'eagerness' => 'conservative',
	);
	wp_print_inline_script_tag(
		wp_json_encode( array( 'prefetch' => array( $rule ) ), JSON_HEX_TAG | JSON_UNESCAPED_SLASHES ),
		array( 'type' => 'speculationrules' )
	);
}

if ( ! defined( 'PRESSROOM_PREFETCH' ) ) {
	add_filter( 'wp_speculation_rules_configuration', '__return_null', PHP_INT_MAX );
} elseif ( Pressroom_Recorder::active() ) {
	add_action( 'wp_footer', 'pressroom_print_prefetch_rules' );
}
