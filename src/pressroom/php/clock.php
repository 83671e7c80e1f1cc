<?php
/**
 * Until when a render is right by the clock, and why. PHP code that asks for the time cannot be seen; what can be is:
 * nonces, relative dates, "now" in statements, and what transients.php and outgoing.php see. For all else the site's next
 * midnight is the end.
 */
final class Pressroom_Clock {

	/** Seconds for which a page with "now" in a statement, or the time of the day in its text, is believed. */
	const NOW = 300;

	/** @var int|null the earliest end that was seen, Unix time */
	private static $until = null;

	/** @var string what ends then, in a few words */
	private static $why = '';

	/** @var array Unix times at which something that was read begins or ends */
	private static $moments = array();

	/** @var array dates with times that were read => when (Unix time) */
	private static $dates = array();

	public static function start() {
		add_filter( 'nonce_life', array( __CLASS__, 'on_nonce' ), PHP_INT_MAX );
		add_filter( 'human_time_diff', array( __CLASS__, 'on_difference' ), PHP_INT_MAX, 4 );
		add_filter( 'wp_date', array( __CLASS__, 'on_date' ), PHP_INT_MAX, 3 );
	}

	/** A nonce is good for its half of the life and the next; whoever gets the page shall have the next one whole. */
	public static function on_nonce( $life ) {
		$half = max( 1, (int) ( $life / 2 ) );
		self::ends_at( (int) ceil( time() / $half ) * $half, 'a nonce' );
		return $life;
	}

	public static function on_difference( $text, $seconds = 0, $from = 0, $to = 0 ) {
		if ( abs( (int) $to - time() ) < 5 || abs( (int) $from - time() ) < 5 ) {
			$step = $seconds < HOUR_IN_SECONDS ? MINUTE_IN_SECONDS : ( $seconds < DAY_IN_SECONDS ? HOUR_IN_SECONDS : DAY_IN_SECONDS );
			self::ends_at( time() + max( $step, self::NOW ), 'a relative date' );
		}
		return $text;
	}

	/** A date that is written now, with hours in it. */
	public static function on_date( $text, $format = '', $timestamp = 0 ) {
		if ( abs( (int) $timestamp - time() ) < 5 && preg_match( '/(?<!\\\\)[aABgGhHisuv]/', (string) $format ) ) {
			self::ends_at( time() + self::NOW, 'the time of the day' );
		}
		return $text;
	}

	/**
	 * A statement that names the present, as plugins put it into a condition: a time of these minutes in any time zone
	 * (quarters of an hour apart), or Unix seconds.
	 */
	public static function on_query( $query ) {
		if ( preg_match_all( "/'(\d{4}-\d\d-\d\d \d\d:\d\d(?::\d\d)?)'/", $query, $times ) ) {
			foreach ( $times[1] as $time ) {
				$seconds = abs( strtotime( $time . ' UTC' ) - time() );
				if ( $seconds <= 14 * HOUR_IN_SECONDS && ( $seconds % 900 < 61 || $seconds % 900 > 839 ) ) {
					self::ends_at( time() + self::NOW, 'a statement names the present' );
				}
			}
		}
		if ( strpos( $query, substr( (string) time(), 0, 8 ) ) !== false ) {
			self::ends_at( time() + self::NOW, 'a statement names the present' );
		}
	}

	/**
	 * A moment among what was read, later today: whoever reads when something begins or ends, compares it with the clock.
	 * Unix seconds, or a date with its time.
	 */
	public static function on_value( $value ) {
		$length = strlen( (string) $value );
		if ( $length === 10 && ctype_digit( (string) $value ) ) {
			self::comes( (int) $value, 1, time() );
		} elseif ( ( $length === 19 || $length === 16 ) && preg_match( '/^\d{4}-\d\d-\d\d[ T]\d\d:\d\d(?::\d\d)?$/', $value ) ) {
			self::$dates += array( $value => time() );
		}
	}

	/** It changes something when it begins or, for those who compare by ">=", when it is over. */
	private static function comes( $moment, $lasts, $now ) {
		if ( $moment + $lasts > $now && $moment < $now + DAY_IN_SECONDS ) {
			self::$moments[] = $moment > $now ? $moment : $moment + $lasts;
		}
	}

	/** Whether a date is the site's or UTC is not known: either may be meant. */
	private static function look_at_dates() {
		foreach ( self::$dates as $date => $seen ) {
			foreach ( array( wp_timezone(), new DateTimeZone( 'UTC' ) ) as $zone ) {
				$moment = date_create( $date, $zone );
				self::comes( $moment ? $moment->getTimestamp() : 0, strlen( $date ) === 19 ? 1 : MINUTE_IN_SECONDS, $seen );
			}
		}
	}

	/** For the record: Unix time at which the page is to be made again, and why. */
	public static function until() {
		self::look_at_dates();
		if ( self::$moments ) {
			self::ends_at( min( self::$moments ), 'a moment that it read' );
		}
		self::ends_at( ( new DateTimeImmutable( 'tomorrow', wp_timezone() ) )->getTimestamp(), "the site's midnight" );
		return array(
			'until'     => self::$until,
			'until_why' => self::$why,
		);
	}

	/** Something that the page shows is right up to this Unix time. */
	public static function ends_at( $time, $why ) {
		if ( self::$until === null || $time < self::$until ) {
			self::$until = $time;
			self::$why   = $why;
		}
	}
}
