<?php
/**
 * Installs WordPress into an empty database: `php install.php WORDPRESS_DIR` as the site's user, the answers
 * as JSON on standard input (title, user, email, password). Prints the administrator's number.
 */

define( 'WP_INSTALLING', true );
$pressroom_answers = json_decode( (string) stream_get_contents( STDIN ), true );
if ( ! is_array( $pressroom_answers ) || ! isset( $argv[1] ) ) {
	fwrite( STDERR, "install.php: wants a folder and answers on standard input\n" );
	exit( 2 );
}
$pressroom_url             = parse_url( $pressroom_answers['url'] );
$_SERVER['HTTP_HOST']      = $pressroom_url['host'] . ( isset( $pressroom_url['port'] ) ? ':' . $pressroom_url['port'] : '' );
$_SERVER['REQUEST_URI']    = '/';
$_SERVER['REQUEST_METHOD'] = 'GET';

/** No letter about a new site: whoever typed the command knows. */
function wp_new_blog_notification() {}

require $argv[1] . '/wp-load.php';
require ABSPATH . 'wp-admin/includes/upgrade.php';

$wpdb->query( 'SET SESSION autocommit = 0' );
$pressroom_result = wp_install(
	$pressroom_answers['title'],
	$pressroom_answers['user'],
	$pressroom_answers['email'],
	true,
	'',
	$pressroom_answers['password']
);
update_option( 'siteurl', $pressroom_answers['url'] );
update_option( 'home', $pressroom_answers['url'] );
$GLOBALS['wp_rewrite']->init();
$GLOBALS['wp_rewrite']->set_permalink_structure( '/%postname%/' );
$GLOBALS['wp_rewrite']->flush_rules( false );
$wpdb->query( 'COMMIT' );
$wpdb->query( 'SET SESSION autocommit = 1' );
echo json_encode( array( 'user' => (int) $pressroom_result['user_id'] ) ), "\n";
