<?php
/**
 * WordPress's database class with two additions: in a render the fence and the record, otherwise the
 * barrier. WordPress loads it through the drop-in wp-content/db.php, after its own class and plugin API.
 */

class Pressroom_Wpdb extends wpdb {

	/** Statements that cannot write by themselves. What is not listed counts as a write. */
	const READS = '/^[\s(]*(?:select|show|describe|desc|explain|set\s+(?:names|session|sql_mode|@@session|transaction)|use)\b/i';

	/**
	 * Seconds of one statement of WordPress's events, as long as their whole request may take. Others have the account's
	 * own cap (tenants.statement_seconds); a command line's work, an import or an upgrade, has none.
	 */
	const EVENT_SECONDS = 300;

	/** MariaDB's errors by which it ends what was right in itself: no space, memory or time is left. Such a page is not whole. */
	const STOPPED = array( 1021, 1037, 1038, 1114, 1290, 1317, 1969 );

	/** MariaDB's error where all its connections are taken; microseconds until it is asked again. Whoever takes them is ended soon. */
	const TOO_MANY = 1040;
	const PAUSE    = 50000;

	/** @var int how often more it is asked again in this request */
	private $pressroom_tries = 60;

	/** @var bool whether anything but reads was sent since the last commit was asked for */
	private $pressroom_wrote = false;

	/** @var bool whether a connection that wrote went away before it could be asked */
	private $pressroom_lost = false;

	public function db_connect( $allow_bail = true ) {
		if ( $this->pressroom_wrote ) {
			$this->pressroom_lost = true; // Reconnecting: what the old connection committed last is not known.
		}
		$connected = parent::db_connect( false );
		while ( ! $connected && mysqli_connect_errno() === self::TOO_MANY && $this->pressroom_tries-- > 0 ) {
			usleep( self::PAUSE );
			$connected = parent::db_connect( false );
		}
		if ( ! $connected ) {
			if ( $allow_bail ) {
				$this->pressroom_unavailable();
			}
			return false;
		}
		if ( PHP_SAPI === 'cli' || defined( 'DOING_CRON' ) ) {
			mysqli_query( $this->dbh, 'SET SESSION max_statement_time=' . ( PHP_SAPI === 'cli' ? 0 : self::EVENT_SECONDS ) );
		}
		if ( Pressroom_Recorder::active() ) {
			Pressroom_Recorder::fence( $this->dbh );
		} else {
			Pressroom_Barrier::watch( $this );
		}
		return $connected;
	}

	public function query( $query ) {
		$writes = ! preg_match( self::READS, $query );
		if ( Pressroom_Recorder::active() ) {
			Pressroom_Recorder::note_query( $writes );
			// At the end: wpdb looks at a statement's first word to tell what it was.
			$result = parent::query( $writes ? rtrim( $query, "; \t\r\n" ) . "\n" . Pressroom_Recorder::mark() : $query );
			$answered = $result !== false && $this->result instanceof mysqli_result;
			if ( $result === false && $this->dbh instanceof mysqli && in_array( mysqli_errno( $this->dbh ), self::STOPPED, true ) ) {
				Pressroom_Recorder::refuse( 'MariaDB stopped a statement of it: ' . $this->last_error );
			}
			Pressroom_Reads::on_result( $result === false || $writes ? null : $this->last_result, $answered );
			return $result;
		}
		if ( ! $writes ) {
			return parent::query( $query );
		}
		$this->pressroom_wrote = true;
		if ( class_exists( 'Pressroom_Objects', false ) ) {
			Pressroom_Objects::leave();
		}
		$mark                  = Pressroom_Barrier::mark();
		$result                = parent::query( $mark === '' ? $query : rtrim( $query, "; \t\r\n" ) . "\n" . $mark );
		$this->last_query      = $query;
		Pressroom_Barrier::wrote();
		return $result;
	}

	public function close() {
		Pressroom_Barrier::wait();
		return parent::close();
	}

	/**
	 * What to wait for: the sequence number of this connection's last commit, 0 when it committed nothing,
	 * -1 when it cannot be known (the connection is gone): then all that is committed by now.
	 */
	public function pressroom_last_commit() {
		if ( ! $this->pressroom_wrote ) {
			return 0;
		}
		$this->pressroom_wrote = false;
		if ( $this->pressroom_lost ) {
			$this->pressroom_lost = false;
			return -1;
		}
		try {
			$result = mysqli_query( $this->dbh, 'SELECT @@last_gtid' );
			$row    = $result ? mysqli_fetch_row( $result ) : null;
		} catch ( Throwable $error ) {
			return -1;
		}
		if ( ! $row ) {
			return -1;
		}
		$parts = explode( '-', (string) $row[0] );
		return count( $parts ) === 3 ? (int) $parts[2] : 0;
	}

	/** The database is down: an honest answer instead of WordPress's 500. */
	private function pressroom_unavailable() {
		if ( PHP_SAPI === 'cli' ) {
			fwrite( STDERR, "The database does not answer.\n" );
			exit( 1 );
		}
		if ( ! headers_sent() ) {
			http_response_code( 503 );
			header( 'Retry-After: 5' );
			header( 'Content-Type: text/plain; charset=UTF-8' );
			header( 'Cache-Control: no-store' );
		}
		echo "This page is being repaired. Please try again in a few seconds.\n";
		exit;
	}
}

require_once PRESSROOM_PHP . '/platform.php';
$GLOBALS['wpdb'] = new Pressroom_Wpdb( DB_USER, DB_PASSWORD, DB_NAME, DB_HOST );
