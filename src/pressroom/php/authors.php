<?php
/**
 * Who has an account is half of what a guesser of passwords needs: lists of users and their numbers are for people who
 * are logged in. Pages of authors who have published stay. A site that needs the lists switches this off (`authors=on`).
 */

/** `?author=1` would lead on to the account's name. With plain permalinks it is the address of an author's page. */
function pressroom_hide_numbers( $wp ) {
	if ( isset( $wp->query_vars['author'] ) && get_option( 'permalink_structure' ) && ! is_admin() && ! is_user_logged_in() ) {
		$wp->query_vars = array( 'error' => '404' );
	}
}
add_action( 'parse_request', 'pressroom_hide_numbers', 20 );

/**
 * What is asked for from outside alone: an article that brings its author along (`_embed`) asks within. After WordPress
 * has decided who it is (100).
 */
function pressroom_hide_users( $error ) {
	$route = isset( $GLOBALS['wp']->query_vars['rest_route'] ) ? $GLOBALS['wp']->query_vars['rest_route'] : '';
	if ( ! is_wp_error( $error ) && preg_match( '#^/*wp/v2/users(?:/|$)#i', $route ) && ! is_user_logged_in() ) {
		return new WP_Error( 'rest_user_cannot_view', 'Who has an account here is told to people who are logged in.', array( 'status' => 401 ) );
	}
	return $error;
}
add_filter( 'rest_authentication_errors', 'pressroom_hide_users', 1000 );
