<?php
/**
 * Plugin Name: Pressroom mirror
 * Description: Shows every marker (mk and twelve hex digits) that a request brings, wherever it stands in it: in the page, in
 *              a header and in a link. So does a careless theme. Tells by a header what WordPress took the request for.
 * License: GPL-2.0-or-later
 */

/** Each distinct marker in what PHP was told of this request. */
function pressroom_mirror_markers() {
	$told = $_SERVER;
	unset( $told['HTTP_X_ECHO'] );
	$text = serialize( array( $told, $_GET, $_POST, $_COOKIE, $_FILES ) ) . rawurldecode( serialize( $told ) );
	preg_match_all( '/mk[0-9a-f]{12}/', $text, $found );
	return implode( ' ', array_unique( $found[0] ) );
}

add_action(
	'send_headers',
	function ( $wp ) {
		$markers = pressroom_mirror_markers();
		if ( $markers !== '' ) {
			header( "X-Reflected: $markers" );
		}
		if ( isset( $_SERVER['HTTP_X_ECHO'] ) ) {
			$taken = array( $_SERVER['REQUEST_URI'], $_SERVER['QUERY_STRING'], $_SERVER['HTTP_HOST'], $_SERVER['REMOTE_ADDR'], $wp->request );
			header( 'X-Taken: ' . base64_encode( json_encode( array_map( 'base64_encode', $taken ) ) ) );
		}
	}
);
foreach ( array( 'wp_head', 'wp_footer' ) as $pressroom_place ) {
	add_action(
		$pressroom_place,
		function () {
			$markers = pressroom_mirror_markers();
			if ( $markers !== '' ) {
				echo '<a class="reflected" href="/?', esc_attr( $markers ), '">', esc_html( $markers ), '</a>';
			}
		}
	);
}
