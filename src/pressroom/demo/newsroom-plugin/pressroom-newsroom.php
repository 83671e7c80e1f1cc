<?php
/**
 * Plugin Name: Pressroom Newsroom
 * Description: What a newspaper puts round its articles: a sponsor line above and below, a "Check Also" box with the next related article, and an affiliate disclosure.
 * Version: 1.0.0
 * Requires at least: 5.9
 * Requires PHP: 7.4
 * Author: The Pressroom authors
 * License: GPL-2.0-or-later
 * License URI: https://www.gnu.org/licenses/gpl-2.0.html
 * Text Domain: pressroom-newsroom
 *
 * @package PressroomNewsroom
 */

defined( 'ABSPATH' ) || exit;

const PRESSROOM_NEWSROOM_OPTION = 'pressroom_newsroom';

require __DIR__ . '/includes/options.php';
require __DIR__ . '/includes/parts.php';
require __DIR__ . '/includes/related.php';

if ( is_admin() ) {
	require __DIR__ . '/includes/settings.php';
}

add_filter( 'the_content', 'pressroom_newsroom_surround', 40 );
add_action( 'wp_enqueue_scripts', 'pressroom_newsroom_style' );

/**
 * Puts the parts round an article's text, on the article's own page only.
 *
 * @param string $content The article as HTML.
 */
function pressroom_newsroom_surround( $content ) {
	if ( ! is_singular( 'post' ) || ! in_the_loop() || ! is_main_query() || post_password_required() ) {
		return $content;
	}
	$options = pressroom_newsroom_options();
	return pressroom_newsroom_sponsor( $options, 'top' )
		. $content
		. pressroom_newsroom_check_also( $options, get_the_ID() )
		. pressroom_newsroom_sponsor( $options, 'bottom' )
		. pressroom_newsroom_disclosure( $options );
}

/**
 * A few rules that hold in any theme, printed in the page: not worth a request of their own.
 */
function pressroom_newsroom_style() {
	if ( ! is_singular( 'post' ) ) {
		return;
	}
	wp_register_style( 'pressroom-newsroom', false, array(), '1.0.0' );
	wp_enqueue_style( 'pressroom-newsroom' );
	wp_add_inline_style(
		'pressroom-newsroom',
		'.pn-sponsor{font:.8125rem/1.5 "Segoe UI",Roboto,"Helvetica Neue",Arial,sans-serif;border:1px solid;border-color:rgba(0,0,0,.15);border-width:1px 0;padding:.6rem 0;margin:1.5rem 0}'
		. '.pn-sponsor b{font-weight:600;text-transform:uppercase;letter-spacing:.06em;font-size:.6875rem;margin-right:.6em;opacity:.75}'
		. '.pn-also{margin:2.5rem 0;padding:1.1rem;background:rgba(0,0,0,.04)}'
		. '.pn-also h2{font:700 .8125rem/1.2 "Segoe UI",Roboto,"Helvetica Neue",Arial,sans-serif;text-transform:uppercase;letter-spacing:.06em;margin:0 0 .8rem}'
		. '.pn-also a{display:flex;gap:1.1rem;text-decoration:none;color:inherit}'
		. '.pn-also img{width:40%;max-width:240px;height:auto;align-self:flex-start}'
		. '.pn-also strong{display:block;line-height:1.25;font-size:1.2em;margin-bottom:.35rem}'
		. '.pn-also a:hover strong{text-decoration:underline}'
		. '.pn-also span span{font-size:.94em;line-height:1.5}'
		. '.pn-disclosure{font:italic .8125rem/1.5 "Segoe UI",Roboto,"Helvetica Neue",Arial,sans-serif;opacity:.8;margin:1rem 0}'
		. '@media(max-width:480px){.pn-also span span{display:none}.pn-also strong{font-size:1.05em}}'
	);
}
