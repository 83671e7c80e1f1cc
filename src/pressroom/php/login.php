<?php
/**
 * Lays down a one-time login: `php login.php WORDPRESS_DIR` as the site's user; standard input: JSON with
 * `digest` (SHA-256 of the token, hex), `until` (Unix time) and `user` (login name, or empty for the first
 * administrator). Prints the user's login name.
 */

$pressroom_wanted = json_decode( (string) stream_get_contents( STDIN ), true );
require $argv[1] . '/wp-load.php';

if ( $pressroom_wanted['user'] !== '' ) {
	$pressroom_user = get_user_by( 'login', $pressroom_wanted['user'] );
} else {
	$pressroom_found = get_users(
		array(
			'role'    => 'administrator',
			'orderby' => 'ID',
			'number'  => 1,
		)
	);
	$pressroom_user  = $pressroom_found ? $pressroom_found[0] : false;
}
if ( ! $pressroom_user ) {
	fwrite( STDERR, "no such user\n" );
	exit( 4 );
}
if ( ! preg_match( '/^[0-9a-f]{64}$/', $pressroom_wanted['digest'] ) ) {
	exit( 2 );
}
foreach ( (array) glob( PRESSROOM_LOGINS . '/*' ) as $pressroom_old ) {
	if ( filemtime( $pressroom_old ) < time() - 3600 ) {
		unlink( $pressroom_old );
	}
}
$pressroom_kept = file_put_contents(
	PRESSROOM_LOGINS . '/' . $pressroom_wanted['digest'],
	json_encode(
		array(
			'user'  => $pressroom_user->ID,
			'until' => (int) $pressroom_wanted['until'],
		)
	)
);
if ( ! $pressroom_kept ) {
	fwrite( STDERR, "the link cannot be kept: the site has no space left\n" );
	exit( 1 );
}
echo $pressroom_user->user_login, "\n";
