<?php
/**
 * How far PHP may trust what it remembers of the site's code: where paths lead, and that files are as they were.
 *
 * A render trusts no file's time, and for seconds after a change no path. A request that shows something to a visitor looks
 * at files' times after a change alone: a shop loads a thousand files, and asking for their times is a tenth of its
 * request. The code watch renews the gate's time at each change that it sees, so whoever waited for one gets the new code.
 */

/** Seconds for which PHP may remember, and those that clocks of whole seconds add. */
const PRESSROOM_REMEMBERED = 4;

/** `$renders`: whether this request makes a page for the store, or one that those are compared with. */
function pressroom_trust_code( $renders ) {
	$gate = @lstat( PRESSROOM_GATE );
	if ( ! $gate || time() - $gate['mtime'] <= PRESSROOM_REMEMBERED ) {
		$linked = (int) @filemtime( dirname( PRESSROOM_GATE ) . '/paths' );
		if ( time() - $linked <= PRESSROOM_REMEMBERED ) {
			pressroom_forget_paths( $linked );
		} elseif ( $renders ) {
			clearstatcache( true );
		}
	} elseif ( ! $renders && pressroom_shows_something() && $_SERVER['REQUEST_TIME'] - $gate['mtime'] > PRESSROOM_REMEMBERED ) {
		ini_set( 'opcache.revalidate_freq', '2' ); // By the clock of the request's start, as opcache reckons.
	}
}

/**
 * A link leads elsewhere since then (Unix seconds). What was included once by a path through it, opcache finds by that path for
 * good, so it begins anew; until it does (when no request is under way), PHP does without it.
 */
function pressroom_forget_paths( $since ) {
	clearstatcache( true );
	ini_set( 'opcache.revalidate_path', '1' );
	$opcache = function_exists( 'opcache_get_status' ) ? opcache_get_status( false ) : false;
	if ( $opcache && $opcache['opcache_statistics']['last_restart_time'] <= $since ) {
		opcache_reset();
	}
}

/** What changes files by WordPress's own hand has an action: it shall see at once what it has removed. */
function pressroom_shows_something() {
	return isset( $_SERVER['REQUEST_METHOD'] ) && in_array( $_SERVER['REQUEST_METHOD'], array( 'GET', 'HEAD' ), true ) && ! isset( $_GET['action'] );
}
