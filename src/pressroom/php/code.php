<?php
/**
 * How far PHP may trust what it remembers of the site's code: where paths lead, and that files are as they were.
 *
 * The code watch renews the gate's time at each change of a file, before a page is made from it. For the seconds after it
 * each file's time is looked at in each request, as PHP is set up (opcache.revalidate_freq=0). At all other times every two
 * seconds are enough: a shop loads a thousand files, and asking for their times is a tenth of its request.
 */

/** Seconds for which PHP may remember, and those that clocks of whole seconds add. */
const PRESSROOM_REMEMBERED = 4;

/** `$renders`: whether this request makes a page for the store, which old paths must not get into. */
function pressroom_trust_code( $renders ) {
	$gate = @lstat( PRESSROOM_GATE );
	if ( $gate && time() - $gate['mtime'] > PRESSROOM_REMEMBERED ) {
		ini_set( 'opcache.revalidate_freq', '2' );
	} elseif ( $renders ) {
		clearstatcache( true );
	}
}
