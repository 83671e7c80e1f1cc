<?php
// paper.example.org (s2). Rendered by Pressroom; changes made here are lost.
// Its PHP is 0123456789abcdef: an upgrade that changes it changes this file, and with it each page goes.

define( 'PRESSROOM_URL', 'http://paper.example.org' );
define( 'PRESSROOM_LOOPBACK', '169.254.1.1' );
define( 'PRESSROOM_BARRIER_SOCKET', '/srv/pressroom/objects/s2/barrier.sock' );
define( 'PRESSROOM_GATE', '/srv/pressroom/gates/s2/open' );
define( 'PRESSROOM_LOGINS', '/srv/pressroom/sites/s2/private/logins' );
define( 'PRESSROOM_ASSETS', true );
define( 'PRESSROOM_STYLES', true );
define( 'PRESSROOM_PREFETCH', true );
define( 'PRESSROOM_OBJECT_VERSIONS', '/srv/pressroom/objects/s2/versions' );
require '/srv/pressroom/lib/php/prepend.php';

define( 'DB_NAME', 's2' );
define( 'DB_USER', 'pr62a909-s2' );
define( 'DB_PASSWORD', '' ); // The Unix user of this site is its key (MariaDB's unix_socket).
define( 'DB_HOST', 'localhost:/srv/pressroom/run/mariadb/mariadb.sock' );
define( 'DB_CHARSET', 'utf8mb4' );
define( 'DB_COLLATE', '' );

define( 'AUTH_KEY', 'salt of AUTH_KEY' );
define( 'SECURE_AUTH_KEY', 'salt of SECURE_AUTH_KEY' );
define( 'LOGGED_IN_KEY', 'salt of LOGGED_IN_KEY' );
define( 'NONCE_KEY', 'salt of NONCE_KEY' );

define( 'WP_HOME', PRESSROOM_URL );
define( 'WP_SITEURL', PRESSROOM_URL );
define( 'DISABLE_WP_CRON', true ); // The platform runs events when they are due.
define( 'WP_CACHE', true ); // Pages are stored: plugins leave cookies and counters to the browser, if they know of it.
define( 'WP_AUTO_UPDATE_CORE', false );
define( 'FS_METHOD', 'direct' );
define( 'WP_TEMP_DIR', '/srv/pressroom/sites/s2/private/tmp' );
// The owner's own constants; what is defined above stays. Watched as code, in its folder.
if ( is_file( __DIR__ . '/wp-content/constants.php' ) ) {
	require __DIR__ . '/wp-content/constants.php';
}
if ( defined( 'DOMAIN_CURRENT_SITE' ) && ! isset( $_SERVER['HTTP_HOST'] ) ) { // A program in a network: its first blog's.
	$_SERVER['HTTP_HOST']   = DOMAIN_CURRENT_SITE;
	$_SERVER['REQUEST_URI'] = PATH_CURRENT_SITE;
}
if ( ! defined( 'WP_DEBUG' ) ) {
	define( 'WP_DEBUG', false );
}

$table_prefix = 'wp_';

if ( ! defined( 'ABSPATH' ) ) {
	define( 'ABSPATH', __DIR__ . '/' );
}
require_once ABSPATH . 'wp-settings.php';
