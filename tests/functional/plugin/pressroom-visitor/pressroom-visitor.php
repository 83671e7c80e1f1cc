<?php
/**
 * Plugin Name: Pressroom visitor test
 * Description: Pages that are another one for each visitor, in one way at a time, as plugins do it without WordPress's hooks.
 * License: GPL-2.0-or-later
 */

/** The way is the option's; the front page and pages stay the same for all. */
add_action(
	'wp_footer',
	function () {
		$way = get_option( 'pressroom_test_visitor' );
		if ( $way === 'random' ) {
			$words = array( 'one', 'two', 'three', 'four', 'five', 'six', 'seven', 'eight' );
			shuffle( $words );
			printf( '<p>%s</p><p>%d</p>', implode( '</p><p>', $words ), mt_rand() );
		}
		if ( ! is_single() ) {
			return;
		}
		switch ( $way ) {
			case 'cookie':
				printf( '<p>skin: %s</p>', isset( $_COOKIE['fancy_skin'] ) ? esc_html( $_COOKIE['fancy_skin'] ) : 'light' );
				break;
			case 'cookie-header':
				printf( '<p>skin: %s</p>', strpos( isset( $_SERVER['HTTP_COOKIE'] ) ? $_SERVER['HTTP_COOKIE'] : '', 'dark_mode=1' ) === false ? 'light' : 'dark' );
				break;
			case 'cookie-list':
				printf( '<p>currency: %s</p>', array_key_exists( 'currency', $_COOKIE ) ? 'other' : 'own' );
				break;
			case 'language':
				$wanted = isset( $_SERVER['HTTP_ACCEPT_LANGUAGE'] ) ? substr( $_SERVER['HTTP_ACCEPT_LANGUAGE'], 0, 2 ) : 'en';
				printf( '<p>%s</p>', $wanted === 'de' ? 'Guten Tag' : 'Good day' );
				break;
			case 'device':
				printf( '<p>%s</p>', preg_match( '/Mobile|Android/', $_SERVER['HTTP_USER_AGENT'] ) ? 'small' : 'large' );
				break;
			case 'mobile':
				printf( '<p>%s</p>', wp_is_mobile() ? 'small' : 'large' );
				break;
		}
	}
);

/** A page that greets whoever comes for the first time by a cookie. */
add_action(
	'template_redirect',
	function () {
		if ( get_option( 'pressroom_test_visitor' ) === 'sets-cookie' && is_single() && ! isset( $_COOKIE['been_here'] ) ) {
			setcookie( 'been_here', '1', 0, '/' );
		}
	}
);

/** As translations do it: each page says by a cookie what language it has, unless pages are known to be stored. */
add_action(
	'wp',
	function () {
		if ( get_option( 'pressroom_test_visitor' ) === 'language-cookie' && ! ( defined( 'WP_CACHE' ) && WP_CACHE ) ) {
			setcookie( 'page_language', 'en', 0, '/' );
		}
	}
);
