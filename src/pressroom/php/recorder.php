<?php
/**
 * In a render: notes what the page was made from and hands it over behind the response body, so that a page
 * and its record arrive or fail together.
 *
 * The response is: body, record (JSON), ten digits of the record's length in bytes, the ticket. A response
 * without that end was cut or ended early, and is not stored.
 */
final class Pressroom_Recorder {

	/** @var string|null the platform's ticket for this render */
	private static $ticket = null;

	/** @var mysqli|null what WordPress reads by */
	private static $connection = null;

	/** @var array the record */
	private static $record = array(
		'fence'    => null,
		'queries'  => 0,
		'writes'   => 0,
		'no_store' => null,
	);

	public static function start( $ticket ) {
		self::$ticket = $ticket;
		if ( getenv( 'PRESSROOM_POOL' ) === 'render' ) {
			@proc_nice( 19 ); // Visitors come first, but for a render that one of them waits for.
		}
		ob_start();
		register_shutdown_function( array( __CLASS__, 'on_shutdown' ) );
	}

	public static function active() {
		return self::$ticket !== null;
	}

	/** The comment by which the binlog's annotation tells a render's own writes from others'. */
	public static function mark() {
		return '/*pressroom:' . self::$ticket . '*/';
	}

	/**
	 * The binlog position that all reads of this render follow. Read inside a consistent snapshot, which
	 * MariaDB takes together with the binlog's position; a position read by itself could be ahead of what
	 * the storage engine lets us see.
	 */
	public static function fence( mysqli $connection ) {
		if ( self::$record['fence'] !== null ) {
			return;
		}
		$fence   = array();
		$is_next = $connection->multi_query( "START TRANSACTION WITH CONSISTENT SNAPSHOT; SHOW STATUS LIKE 'binlog_snapshot_%'; COMMIT" );
		while ( $is_next ) {
			$result = $connection->store_result();
			while ( $result && ( $row = $result->fetch_row() ) ) {
				$fence[ strtolower( $row[0] ) ] = $row[1];
			}
			$is_next = $connection->more_results() && $connection->next_result();
		}
		if ( isset( $fence['binlog_snapshot_file'], $fence['binlog_snapshot_position'] ) ) {
			self::$record['fence'] = array( $fence['binlog_snapshot_file'], (int) $fence['binlog_snapshot_position'] );
		}
		Pressroom_Reads::start( $connection );
		Pressroom_Clock::start();
		Pressroom_Visitor::start();
		Pressroom_Outgoing::start();
		Pressroom_Transients::start();
		self::$connection = $connection;
		self::pause( 'fence' );
	}

	public static function note_query( $writes ) {
		++self::$record['queries'];
		if ( $writes ) {
			++self::$record['writes'];
		}
	}

	/** This page is not one for everybody: the first reason is kept. */
	public static function refuse( $why ) {
		if ( self::$record['no_store'] === null ) {
			self::$record['no_store'] = $why;
		}
	}

	public static function on_shutdown() {
		register_shutdown_function( array( __CLASS__, 'finish' ) );
	}

	public static function finish() {
		while ( ob_get_level() > 0 ) {
			ob_end_flush();
		}
		self::pause( 'finish' );
		if ( defined( 'DONOTCACHEPAGE' ) && DONOTCACHEPAGE ) {
			self::refuse( 'a plugin or theme says so (DONOTCACHEPAGE)' );
		}
		$error                    = error_get_last();
		if ( $error && ( $error['type'] & ( E_ERROR | E_PARSE | E_CORE_ERROR | E_COMPILE_ERROR | E_USER_ERROR ) ) ) {
			self::$record['failed'] = true;
		}
		if ( self::$connection ) {
			self::$record         += Pressroom_Visitor::all();
			self::$record['reads'] = Pressroom_Reads::all( self::$connection );
			self::$record         += Pressroom_Clock::until();
			if ( self::$record['writes'] > 0 ) {
				self::$record['wrote'] = self::last_commit( self::$connection );
			}
		}
		$record = json_encode( self::$record );
		printf( '%s%010d%s', $record, strlen( $record ), self::$ticket );
	}

	/** Sequence number of the render's last own commit; 0 where it is not known. */
	private static function last_commit( mysqli $connection ) {
		try {
			$row = $connection->query( 'SELECT @@last_gtid' )->fetch_row();
		} catch ( Throwable $error ) {
			return 0;
		}
		return (int) substr( strrchr( '-' . $row[0], '-' ), 1 );
	}

	/**
	 * A pause point for the tests that must hit a race for certain: when the site's private folder holds
	 * `pause-NAME`, the render stays here until that file is gone (ten seconds at the most).
	 */
	private static function pause( $name ) {
		if ( ! defined( 'PRESSROOM_PAUSES' ) ) {
			return;
		}
		$file  = PRESSROOM_PAUSES . '/pause-' . $name;
		$until = microtime( true ) + 10;
		if ( file_exists( $file ) ) {
			@touch( PRESSROOM_PAUSES . '/paused-' . $name );
		}
		while ( file_exists( $file ) && microtime( true ) < $until ) {
			usleep( 2000 );
			clearstatcache();
		}
		@unlink( PRESSROOM_PAUSES . '/paused-' . $name );
	}
}
