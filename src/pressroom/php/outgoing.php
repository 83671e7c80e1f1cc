<?php
/**
 * What a render fetches from elsewhere. Nobody tells when it changes there, so the page is right for a few minutes.
 *
 * Seen are WordPress's HTTP API, and PHP's own http: streams where they are opened without a context of their own
 * (file_get_contents, fopen). Not seen are curl and sockets.
 */
final class Pressroom_Outgoing {

	/** Seconds for which a page with something fetched is believed, at the most and, whatever its source says, at least. */
	const LONGEST  = 300;
	const SHORTEST = 60;

	public static function start() {
		add_filter( 'pre_http_request', array( __CLASS__, 'on_request' ), PHP_INT_MAX, 3 );
		add_action( 'http_api_debug', array( __CLASS__, 'on_answer' ), PHP_INT_MAX, 5 );
		stream_context_set_params( stream_context_get_default(), array( 'notification' => array( __CLASS__, 'on_stream' ) ) );
	}

	/** Before each request: also one that a plugin answers from elsewhere, or that fails. */
	public static function on_request( $answer, $arguments = array(), $url = '' ) {
		if ( ! isset( $arguments['blocking'] ) || $arguments['blocking'] ) { // Otherwise nobody reads what comes back.
			self::fetched( $url, self::LONGEST );
		}
		return $answer;
	}

	/** The source may say that it is good for less. */
	public static function on_answer( $answer, $context = '', $class = '', $arguments = array(), $url = '' ) {
		$control = is_array( $answer ) ? wp_remote_retrieve_header( $answer, 'cache-control' ) : '';
		$control = implode( ',', (array) $control );
		if ( preg_match( '/\bno-(?:store|cache)\b/i', $control ) ) {
			self::fetched( $url, self::SHORTEST );
		} elseif ( preg_match( '/\bmax-age\s*=\s*"?(\d{1,9})/i', $control, $age ) ) {
			self::fetched( $url, (int) $age[1] );
		}
	}

	/** PHP does not tell the address. */
	public static function on_stream( $code ) {
		if ( $code === STREAM_NOTIFY_CONNECT ) {
			Pressroom_Clock::ends_at( time() + self::LONGEST, "outgoing HTTP by PHP's streams" );
		}
	}

	private static function fetched( $url, $seconds ) {
		$host = wp_parse_url( (string) $url, PHP_URL_HOST );
		$ends = time() + min( self::LONGEST, max( self::SHORTEST, $seconds ) );
		Pressroom_Clock::ends_at( $ends, 'outgoing HTTP to ' . ( $host ? $host : 'an unknown host' ) );
	}
}
