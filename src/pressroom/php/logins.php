<?php
/**
 * Guessing passwords: a few tries are free, then each one more must wait, twice as long as the last. By account, for
 * addresses cost an attacker nothing (nginx counts those). One-time login links ask for no password and always work.
 *
 * A try is counted before the password is looked at, and under a lock: of a thousand at once, the free ones are answered.
 * While an account waits no try counts, so that nobody makes the wait longer. Whoever has logged in before is known by a
 * cookie and has tries of his own: strangers' guesses do not keep him out (OWASP: device cookies).
 */
final class Pressroom_Logins {

	/** Tries before the first wait: of a password; of an application password, which programs send many times at once. */
	const FREE = 5, FREE_FOR_PROGRAMS = 100;

	/** Seconds: the first wait, the longest, and after how many without a try all is forgotten. */
	const FIRST_WAIT = 30, LONGEST_WAIT = 900, FORGOTTEN = 86400;

	/** The counts lie in a file of this many places of eight bytes (tries, time of the last): it never grows. */
	const PLACES = 65536;

	const COOKIE = 'pressroom_device';

	/** @var int seconds for which a program must wait, whose request came too early */
	private static $held = 0;

	public static function start() {
		add_filter( 'authenticate', array( __CLASS__, 'before' ), PHP_INT_MIN, 3 );
		add_filter( 'authenticate', array( __CLASS__, 'after' ), PHP_INT_MAX, 3 );
		add_action( 'wp_login', array( __CLASS__, 'remember' ), 10, 2 );
		add_filter( 'application_password_is_api_request', array( __CLASS__, 'before_program' ), PHP_INT_MAX );
		add_action( 'application_password_did_authenticate', array( __CLASS__, 'after_program' ) );
		add_filter( 'rest_authentication_errors', array( __CLASS__, 'know_program' ), 80 );
		add_filter( 'rest_authentication_errors', array( __CLASS__, 'program_error' ), 95 );
		add_filter( 'lostpassword_errors', array( __CLASS__, 'lost' ), PHP_INT_MAX, 2 );
	}

	/** Ends the request if the account has to wait. No filter of a plugin comes to see the password then. */
	public static function before( $user, $name, $password ) {
		if ( PHP_SAPI !== 'cli' && (string) $name !== '' && (string) $password !== '' ) {
			$wait = self::take( self::key( $name ), self::FREE );
			if ( $wait > 0 ) {
				header( "Retry-After: $wait" );
				wp_die( esc_html( self::sentence( $wait ) ), 'Log in', array( 'response' => 429 ) );
			}
		}
		return $user;
	}

	/** A wrong name and a wrong password are one error, in what it says and in the time that it takes. */
	public static function after( $user, $name, $password ) {
		if ( $user instanceof WP_User ) {
			self::give_back( self::key( $name ) );
		} elseif ( is_wp_error( $user ) && self::tells_too_much( $user ) ) {
			if ( ! in_array( 'incorrect_password', $user->get_error_codes(), true ) ) {
				wp_hash_password( $password );
			}
			$lost = sprintf( '<a href="%s">%s</a>', esc_url( wp_lostpassword_url() ), __( 'Lost your password?' ) );
			return new WP_Error( 'incorrect_password', "The name or the password is wrong. $lost" );
		}
		return $user;
	}

	private static function tells_too_much( WP_Error $error ) {
		return (bool) array_intersect( $error->get_error_codes(), array( 'invalid_username', 'invalid_email', 'incorrect_password' ) );
	}

	/** The form for a lost password says the same whether there is such an account. */
	public static function lost( $errors, $user ) {
		$known = array( 'invalid_email', 'invalidcombo' );
		if ( ! $user && did_action( 'login_form_lostpassword' ) && ! array_diff( $errors->get_error_codes(), $known ) ) {
			wp_safe_redirect( 'wp-login.php?checkemail=confirm' );
			exit;
		}
		return $errors;
	}

	/** WordPress asks this right before it compares an application password. */
	public static function before_program( $is_one ) {
		if ( $is_one && isset( $_SERVER['PHP_AUTH_USER'] ) && ! doing_filter( 'authenticate' ) ) {
			self::$held = self::take( 'program ' . self::account( $_SERVER['PHP_AUTH_USER'] ), self::FREE_FOR_PROGRAMS );
			return self::$held === 0;
		}
		return $is_one;
	}

	public static function after_program( $user ) {
		self::give_back( 'program ' . $user->ID );
	}

	/** WordPress looks for errors (90) before it has asked who it is: a wrong password would be taken for none. */
	public static function know_program( $error ) {
		wp_get_current_user();
		return $error;
	}

	public static function program_error( $error ) {
		if ( self::$held > 0 ) {
			header( 'Retry-After: ' . self::$held );
			return new WP_Error( 'pressroom_too_many_tries', self::sentence( self::$held ), array( 'status' => 429 ) );
		}
		if ( is_wp_error( $error ) && self::tells_too_much( $error ) ) {
			return new WP_Error( 'incorrect_password', 'The name or the password is wrong.', array( 'status' => 401 ) );
		}
		return $error;
	}

	private static function sentence( $wait ) {
		$when = $wait < 120 ? "$wait seconds" : ceil( $wait / 60 ) . ' minutes';
		return "There were too many wrong passwords for this account. Please try again in $when."
			. ' Whoever runs the server has a login link at once: pressroom site login.';
	}

	/** Marks the browser of somebody who has logged in, for a year. */
	public static function remember( $name, $user ) {
		if ( ! headers_sent() && self::device( $user->ID ) === null ) {
			$number = bin2hex( random_bytes( 12 ) );
			setcookie(
				self::COOKIE,
				"$number." . self::signed( $number, $user->ID ),
				array(
					'expires'  => time() + YEAR_IN_SECONDS,
					'path'     => SITECOOKIEPATH,
					'domain'   => (string) COOKIE_DOMAIN,
					'secure'   => is_ssl(),
					'httponly' => true,
					'samesite' => 'Lax',
				)
			);
		}
	}

	/** The number of a browser in which this account has logged in before, or null. */
	private static function device( $account ) {
		$cookie = isset( $_COOKIE[ self::COOKIE ] ) && is_string( $_COOKIE[ self::COOKIE ] ) ? $_COOKIE[ self::COOKIE ] : '';
		$parts  = explode( '.', $cookie );
		return count( $parts ) === 2 && hash_equals( self::signed( $parts[0], $account ), $parts[1] ) ? $parts[0] : null;
	}

	private static function signed( $number, $account ) {
		return hash_hmac( 'sha256', "device $number $account", wp_salt( 'auth' ) );
	}

	/** Whose tries these are: this browser's for its account, or any stranger's for the account. */
	private static function key( $name ) {
		$account = self::account( $name );
		$device  = self::device( $account );
		return $device === null ? "account $account" : "device $device $account";
	}

	/** The account's number; a name that nobody has waits like any other. */
	private static function account( $name ) {
		$user = get_user_by( 'login', $name );
		$user = $user ? $user : get_user_by( 'email', $name );
		return $user ? (string) $user->ID : 'named ' . strtolower( $name );
	}

	/** Counts a try. Returns the seconds for which it must wait instead; then it is not counted. */
	private static function take( $key, $free ) {
		$wait = 0;
		self::with_place(
			$key,
			function ( $tries, $last ) use ( $free, &$wait ) {
				$now   = time();
				$since = max( 0, $now - $last );
				$tries = $since > self::FORGOTTEN ? 0 : $tries;
				$pause = $tries < $free ? 0 : (int) min( self::LONGEST_WAIT, self::FIRST_WAIT * 2 ** min( 20, $tries - $free ) );
				$wait  = max( 0, $pause - $since );
				return $wait > 0 ? null : array( $tries + 1, $now );
			}
		);
		return $wait;
	}

	private static function give_back( $key ) {
		self::with_place(
			$key,
			function ( $tries ) {
				return $tries > 0 ? array( 0, 0 ) : null;
			}
		);
	}

	/**
	 * Changes an account's place in the file under its lock. Which place it is only this site knows, so nobody finds a name
	 * that shares an owner's. Without the file (it cannot be made: a full disk) nothing is counted but nginx's addresses.
	 */
	private static function with_place( $key, $change ) {
		$file = @fopen( dirname( PRESSROOM_LOGINS ) . '/tries', 'c+b' );
		if ( ! $file || ! flock( $file, LOCK_EX ) ) {
			error_log( 'Pressroom: tries of passwords cannot be counted.' );
			return;
		}
		if ( fstat( $file )['size'] < 8 * self::PLACES ) {
			fwrite( $file, str_repeat( "\0", 8 * self::PLACES ) ); // Whole from the start: a disk that is full later does no harm.
			fflush( $file );
		}
		$place = 8 * ( hexdec( substr( hash_hmac( 'sha256', $key, wp_salt( 'nonce' ) ), 0, 8 ) ) % self::PLACES );
		fseek( $file, $place );
		$now     = array_values( unpack( 'V2', fread( $file, 8 ) ) );
		$changed = $change( ...$now );
		if ( $changed !== null ) {
			fseek( $file, $place );
			fwrite( $file, pack( 'V2', ...$changed ) );
			fflush( $file );
		}
		fclose( $file );
	}
}

Pressroom_Logins::start();
