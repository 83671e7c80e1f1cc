<?php
/**
 * First of all PHP in every request of a site (wp-config.php requires it): decides whether this process
 * renders a page for the store or works for a visitor, and starts the recorder or the barrier.
 *
 * A render is told by the FPM pool (environment variable, set by the platform) together with the ticket
 * that nginx's internal way passes on. An HTTP header alone arrives as HTTP_… and turns nothing on.
 */

if ( defined( 'PRESSROOM_PHP' ) ) {
	return;
}
define( 'PRESSROOM_PHP', __DIR__ );

require PRESSROOM_PHP . '/code.php';
require PRESSROOM_PHP . '/barrier.php';
require PRESSROOM_PHP . '/recorder.php';
require PRESSROOM_PHP . '/reads.php';
require PRESSROOM_PHP . '/clock.php';
require PRESSROOM_PHP . '/outgoing.php';
require PRESSROOM_PHP . '/transients.php';
require PRESSROOM_PHP . '/visitor.php';

/* A flood of errors leaves its newest part: of each log this much, twice. */
foreach ( array( 'php.log', 'php-fpm.log' ) as $pressroom_log ) {
	$pressroom_log = dirname( (string) ini_get( 'error_log' ) ) . "/$pressroom_log";
	if ( PHP_SAPI !== 'cli' && @filesize( $pressroom_log ) > 20000000 ) {
		@rename( $pressroom_log, "$pressroom_log.1" );
	}
}

$pressroom_is_for_store = in_array( getenv( 'PRESSROOM_POOL' ), array( 'render', 'urgent' ), true );
pressroom_trust_code( $pressroom_is_for_store );
if ( $pressroom_is_for_store && ! empty( $_SERVER['PRESSROOM_TICKET'] ) ) {
	Pressroom_Recorder::start( $_SERVER['PRESSROOM_TICKET'] );
} else {
	Pressroom_Barrier::start();
}

/*
 * wp-config.php says WP_CACHE, for plugins ask by it whether pages are stored. A cache of the site's own behind that name
 * stays out all the same: renders would get its old pages. (Hooks can be named before WordPress's plugin API is there.)
 */
$GLOBALS['wp_filter']['enable_loading_advanced_cache_dropin'][10]['pressroom'] = array(
	'function'      => function () {
		return false;
	},
	'accepted_args' => 0,
);
