<?php
/**
 * A writer's wait: no byte of a response that follows a commit leaves before the invalidator has passed it.
 *
 * The outermost output buffer is the one place that every byte and every header passes: PHP sends headers
 * with the first byte that leaves it, or when it ends, also for an empty body (a redirect) and for
 * fastcgi_finish_request(). If somebody ends that buffer early, each later write waits by itself.
 */
final class Pressroom_Barrier {

	/** Seconds without a word from the invalidator after which the gate is closed. */
	const PATIENCE = 1.0;

	/** Seconds after which it is closed though the invalidator says that it works on it: for a visitor, for a shell. */
	const LONGEST = 5.0, LONGEST_SHELL = 25.0;

	/** Bytes held at the most; beyond it output passes on (after the wait, if a write is pending). */
	const CHUNK = 65536;

	/** @var Pressroom_Wpdb[] connections to ask for their last commit */
	private static $connections = array();

	/** @var bool whether the buffer still stands between us and the visitor */
	private static $buffered = false;

	/** @var bool whether a byte of the answer may have left */
	private static $left = false;

	/** @var bool whether this request has written to the database */
	private static $wrote = false;

	/** @var int highest sequence number that has been waited for */
	private static $passed = 0;

	public static function start() {
		if ( PHP_SAPI !== 'cli' ) {
			self::$buffered = true;
			ob_start( array( __CLASS__, 'on_output' ), self::CHUNK );
		}
		register_shutdown_function( array( __CLASS__, 'on_shutdown' ) );
	}

	public static function watch( Pressroom_Wpdb $connection ) {
		self::$connections[ spl_object_id( $connection ) ] = $connection;
	}

	/** Whether somebody changes things here: a person who is logged in, a form, an event, a program. */
	private static function is_change() {
		static $is = null;
		if ( $is === null ) {
			$is = PHP_SAPI === 'cli' || self::is_form() || defined( 'DOING_CRON' ) || self::is_editor();
		}
		return $is;
	}

	private static function is_form() {
		$method = isset( $_SERVER['REQUEST_METHOD'] ) ? $_SERVER['REQUEST_METHOD'] : 'GET';
		return ! in_array( $method, array( 'GET', 'HEAD', 'OPTIONS' ), true );
	}

	/** Whether an editor sends this, by WordPress's cookie or an application password. */
	private static function is_editor() {
		$cookies = isset( $_SERVER['HTTP_COOKIE'] ) ? $_SERVER['HTTP_COOKIE'] : '';
		return isset( $_SERVER['HTTP_AUTHORIZATION'] ) || isset( $_SERVER['PHP_AUTH_USER'] )
			|| preg_match( '/(^|; )wordpress_logged_in_/', $cookies );
	}

	/**
	 * The comment by which the binlog's annotation tells that this request will wait before its first byte leaves:
	 * until then the old pages are right, and the platform uses the time to make new ones; but visitors shall not wait
	 * for renders. A visitor's page view is told as such: it does what renders do.
	 */
	public static function mark() {
		if ( ! self::is_change() ) {
			return '/*pressroom:visitor*/';
		}
		return self::$buffered && ! self::$left && self::is_editor() ? '/*pressroom:writer*/' : '';
	}

	/** Called after each statement that may have written. */
	public static function wrote() {
		self::$wrote = true;
		if ( ! self::$buffered && PHP_SAPI !== 'cli' ) {
			self::wait();
		}
	}

	/** Output handler: whatever leaves, leaves after the wait. */
	public static function on_output( $bytes, $phase ) {
		self::wait();
		if ( ! ( $phase & PHP_OUTPUT_HANDLER_CLEAN ) ) {
			self::$left = true;
		}
		if ( $phase & PHP_OUTPUT_HANDLER_FINAL ) {
			self::$buffered = false;
		}
		return $bytes;
	}

	/**
	 * Registered before WordPress's own: put at the end of the queue once more, so that what other shutdown
	 * functions write is waited for as well.
	 */
	public static function on_shutdown() {
		register_shutdown_function( array( __CLASS__, 'wait' ) );
	}

	/** Wait for all that this request has changed: rows, and files, for PHP cannot tell whether it changed any. */
	public static function wait() {
		if ( PHP_SAPI === 'cli' && defined( 'WP_INSTALLING' ) && ! is_dir( PRESSROOM_GATE ) ) {
			return; // A new site has no pages yet, and nobody who would answer.
		}
		$commit = 0;
		foreach ( self::$connections as $connection ) {
			$sequence = $connection->pressroom_last_commit();
			$commit   = $sequence < 0 || $commit < 0 ? -1 : max( $commit, $sequence );
		}
		$files = self::is_change() && ( self::is_form() || self::$wrote );
		if ( ! $files && ( $commit === 0 || ( $commit > 0 && $commit <= self::$passed ) ) ) {
			return;
		}
		$cookie = $files ? self::leave_cookie() : null;
		if ( ( $files && ! $cookie ) || ! self::ask( ( $commit < 0 ? 'NOW' : $commit ) . ( $cookie ? ' ' . basename( $cookie ) : '' ) ) ) {
			self::close_gate();
		}
		if ( $cookie ) {
			@unlink( $cookie );
		}
		self::$passed = max( self::$passed, $commit );
	}

	/**
	 * A file in the watch that follows the site's files; when the platform has seen it, it has seen all before it. It is a
	 * hard link, which a site whose space or files are used up can make all the same. Null: it cannot be made.
	 */
	private static function leave_cookie() {
		$folder = dirname( PRESSROOM_GATE );
		$cookie = "$folder/cookie-" . bin2hex( random_bytes( 8 ) );
		$made   = @link( "$folder/seed", $cookie ) || ( @touch( "$folder/seed" ) && @link( "$folder/seed", $cookie ) );
		return $made || @touch( $cookie ) ? $cookie : null;
	}

	/**
	 * Ask the invalidator to say when it has passed a commit (NOW: all of them) and a cookie. False: not in time. While
	 * it is not so far, it says now and then that it works on it.
	 */
	private static function ask( $what ) {
		$began    = microtime( true );
		$last     = $began + ( self::is_closed() ? self::PATIENCE : ( PHP_SAPI === 'cli' ? self::LONGEST_SHELL : self::LONGEST ) );
		$deadline = $began + self::PATIENCE;
		$socket   = @stream_socket_client( 'unix://' . PRESSROOM_BARRIER_SOCKET, $errno, $error, self::PATIENCE );
		if ( ! $socket ) {
			return false;
		}
		$answer = '';
		if ( @fwrite( $socket, "WAIT $what\n" ) ) {
			while ( strpos( $answer, "\n" ) === false ) {
				$left = $deadline - microtime( true );
				if ( $left <= 0 ) {
					break;
				}
				stream_set_timeout( $socket, (int) $left, (int) ( ( $left - (int) $left ) * 1e6 ) );
				$part = @fgets( $socket, 64 );
				if ( $part === false ) {
					break;
				}
				$answer .= $part;
				if ( $answer === "BEHIND\n" ) {
					$answer   = '';
					$deadline = min( $last, microtime( true ) + self::PATIENCE );
				}
			}
		}
		fclose( $socket );
		return $answer === "PASSED\n";
	}

	/** Whether the gate is closed already: what is stored is thrown away before it opens. */
	private static function is_closed() {
		clearstatcache();
		return ! is_dir( PRESSROOM_GATE );
	}

	/** Take this site's store out of service; the platform alone puts it back. */
	private static function close_gate() {
		if ( @rmdir( PRESSROOM_GATE ) || @unlink( PRESSROOM_GATE ) ) {
			error_log( 'Pressroom: the invalidator did not answer; the page store of this site is closed until it does.' );
		}
	}
}
