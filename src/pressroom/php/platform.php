<?php
/**
 * What the platform adds to WordPress itself, by its own hooks: one-time login links, application passwords on the
 * machine itself, requests of the site to itself, and an end of output that leaves the platform's buffer in place.
 */

/**
 * WordPress ends all output buffers first thing at shutdown; later shutdown hooks still write. Ours, the
 * outermost, stays until PHP itself ends it.
 */
function pressroom_end_buffers() {
	for ( $level = ob_get_level(); $level > 1; $level-- ) {
		ob_end_flush();
	}
}
add_action(
	'plugins_loaded',
	function () {
		if ( has_action( 'shutdown', 'wp_ob_end_flush_all' ) ) {
			remove_action( 'shutdown', 'wp_ob_end_flush_all', 1 );
			add_action( 'shutdown', 'pressroom_end_buffers', 1 );
		}
	},
	0
);

/** Requests of a site to itself go to the local server, whatever the domain's DNS says. */
function pressroom_reach_self( $handle, $arguments, $url ) {
	$own = wp_parse_url( PRESSROOM_URL );
	$to  = wp_parse_url( $url );
	if ( isset( $to['host'] ) && strcasecmp( $to['host'], $own['host'] ) === 0 ) {
		$port = isset( $own['port'] ) ? $own['port'] : ( $own['scheme'] === 'https' ? 443 : 80 );
		curl_setopt( $handle, CURLOPT_CONNECT_TO, array( $to['host'] . ':' . $port . ':' . PRESSROOM_LOOPBACK . ':' . $port ) );
	}
}
add_action( 'http_api_curl', 'pressroom_reach_self', 10, 3 );

/**
 * What is on `*.localhost` does not leave the machine: application passwords need no HTTPS there. First, so that a
 * plugin may still forbid them.
 */
function pressroom_allow_application_passwords( $available ) {
	return $available || str_ends_with( (string) wp_parse_url( PRESSROOM_URL, PHP_URL_HOST ), '.localhost' );
}
add_filter( 'wp_is_application_passwords_available', 'pressroom_allow_application_passwords', 0 );

/**
 * A one-time login link: a file named by the token's SHA-256 in the site's private folder, holding the user's
 * number and when it ends. Whoever takes the file away first is logged in; a file is taken once.
 */
function pressroom_login() {
	if ( empty( $_GET['pressroom_login'] ) || ! is_string( $_GET['pressroom_login'] ) ) {
		return;
	}
	nocache_headers();
	$file  = PRESSROOM_LOGINS . '/' . hash( 'sha256', $_GET['pressroom_login'] );
	$taken = $file . '.' . getmypid() . '-' . bin2hex( random_bytes( 6 ) );
	$ok    = false;
	if ( @rename( $file, $taken ) ) {
		$login = json_decode( (string) file_get_contents( $taken ), true );
		@unlink( $taken );
		$user = is_array( $login ) && $login['until'] >= time() ? get_user_by( 'id', (int) $login['user'] ) : false;
		if ( $user ) {
			wp_set_auth_cookie( $user->ID, true );
			do_action( 'wp_login', $user->user_login, $user );
			wp_safe_redirect( admin_url() );
			$ok = true;
		}
	}
	if ( ! $ok ) {
		wp_die(
			'This login link has been used already, or it is older than a minute. Ask for a new one: <code>pressroom site login</code>.',
			'Login link',
			array( 'response' => 403 )
		);
	}
	exit;
}
add_action( 'login_init', 'pressroom_login', 0 );

/** The platform keeps the core; it is read-only for the site, so WordPress shall not offer to change it. */
add_filter( 'auto_update_core', '__return_false' );
add_filter( 'automatic_updater_disabled', '__return_true' );

require_once PRESSROOM_PHP . '/logins.php';
if ( ! defined( 'PRESSROOM_AUTHORS' ) ) {
	require_once PRESSROOM_PHP . '/authors.php';
}
require_once PRESSROOM_PHP . '/assets.php';
require_once PRESSROOM_PHP . '/styles.php';
require_once PRESSROOM_PHP . '/prefetch.php';

/** In a render: pages that are not for everybody, as WordPress itself knows them. */
if ( Pressroom_Recorder::active() ) {
	add_filter(
		'post_password_required',
		function ( $required ) {
			if ( $required ) {
				Pressroom_Recorder::refuse( 'it is protected by a password' );
			}
			return $required;
		},
		PHP_INT_MAX
	);
	add_action(
		'template_redirect',
		function () {
			if ( is_search() ) {
				Pressroom_Recorder::refuse( 'it is a search' );
			}
			if ( is_preview() || is_customize_preview() ) {
				Pressroom_Recorder::refuse( 'it is a preview' );
			}
		},
		0
	);
}

/** Site Health would call it critical that WordPress does not update itself; and it knows no page store by our header. */
add_filter(
	'site_status_tests',
	function ( $tests ) {
		unset( $tests['async']['background_updates'] );
		return $tests;
	}
);
add_filter(
	'site_status_page_cache_supported_cache_headers',
	function ( $headers ) {
		$headers['x-pressroom-cache'] = function ( $value ) {
			return strpos( $value, 'hit' ) === 0 || strpos( $value, 'miss' ) === 0;
		};
		return $headers;
	}
);
