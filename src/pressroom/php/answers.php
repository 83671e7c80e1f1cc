<?php
/**
 * In a render: MariaDB's answers, kept for the renders that come next.
 *
 * After a change the pages that it touched are made anew, and most of what one asks the others have asked. An answer is
 * found by its statement and by the last change of the tables in it, as the invalidator tells them for the object cache
 * (ADR 11): what was changed since is not found. The recorder notes the statement as ever. An answer can be older than the
 * render's fence, so a page made with one counts as made when its ticket was given (`kept` in the record; ADR 27).
 *
 * Kept are those to statements that more than one page asks; not of options, which WordPress writes back as a whole. They are files in the memory that the site's PHP shares (`/dev/shm` behind its walls), which no plugin knows of: APCu
 * stays off in renders, for what plugins would read there is in no record.
 */
final class Pressroom_Answers {

	const FOLDER = '/dev/shm/pressroom';

	/** Seconds: an answer is kept for as long, or twice as long. */
	const SPAN = 60;

	/** Bytes of a statement, of an answer, and of the folder's memory that is left to others. */
	const LONGEST = 16384;
	const LARGEST = 262144;
	const LEFT    = 33554432;

	/** What may stand before a parenthesis: neither the moment, chance nor the session's state changes what it gives. */
	const PLAIN = array(
		'abs', 'against', 'all', 'and', 'any', 'as', 'avg', 'between', 'by', 'case', 'cast', 'ceil', 'char', 'char_length', 'coalesce',
		'concat', 'concat_ws', 'convert', 'count', 'date', 'date_add', 'date_format', 'date_sub', 'dayofmonth', 'dayofweek', 'dayofyear',
		'decimal', 'distinct', 'else', 'elt', 'exists', 'extract', 'field', 'find_in_set', 'floor', 'from', 'greatest', 'group_concat',
		'having', 'hour', 'if', 'ifnull', 'in', 'index', 'instr', 'interval', 'isnull', 'join', 'key', 'lcase', 'least', 'left', 'length',
		'like', 'locate', 'lower', 'lpad', 'ltrim', 'match', 'max', 'md5', 'min', 'minute', 'mod', 'month', 'not', 'nullif', 'on', 'or',
		'regexp', 'replace', 'right', 'round', 'rpad', 'rtrim', 'second', 'select', 'sign', 'substr', 'substring', 'substring_index',
		'sum', 'then', 'trim', 'truncate', 'ucase', 'union', 'upper', 'using', 'varchar', 'week', 'weekday', 'when', 'where', 'xor', 'year',
	);

	/** Words by which a statement asks for more than its tables' rows, and signs of what is not looked through here. */
	const MORE = '~\b(?:current_\w+|local\w*time\w*|utc_\w+|session_user|system_user|into|for|lock|procedure|sql_no_cache|information_schema|performance_schema|mysql|sys)\b|[@#\x80-\xff]|/\*|--|``~i';

	const FOUND_ROWS = '/^\s*select\s+found_rows\(\s*\)\s*$/i';

	/** What the versions call the tables' definitions (pagecache/sql/definition.py). */
	const STRUCTURE = '(structure)';

	/** How often a render may ask one thing here: who asks again and again waits for a change. */
	const MOST = 2;

	/** Places in the list of who asked what, a byte each: nobody, one page (by its number), or several. */
	const PLACES  = 65536;
	const SEVERAL = 255;

	/** Seconds after which that list begins anew. */
	const LIST_SPAN = 3600;

	/** @var array|null epoch, and the last change of each table; null: nothing is looked for, or kept */
	private static $versions = null;

	/** @var int[] binlog file and byte that the versions are told up to */
	private static $from = array( 0, 0 );

	/** @var string[] tables whose changes are not all told */
	private static $silent = array();

	/** @var mysqli|null WordPress's connection, until this render writes or ends */
	private static $connection = null;

	/** @var int[] what was done to its session before WordPress's first statement */
	private static $session = array();

	/** @var resource|null the list of who asked what */
	private static $list = null;

	/** @var array key => array( rows, those of FOUND_ROWS(); each serialized ) to be kept */
	private static $new = array();

	/** @var array key => how often this render has asked it */
	private static $times = array();

	/** @var int statements that were answered from here */
	private static $known = 0;

	/** @var array|null of the statement that MariaDB is asked now: key, and whether it is FOUND_ROWS() of that one */
	private static $asked = null;

	/** @var string|null key of the statement before, if MariaDB has answered it */
	private static $answered = null;

	/** @var array|null the statement before, if it was answered from here, and what FOUND_ROWS() gives then; serialized */
	private static $found = null;

	/** Before the first statement of WordPress's own. */
	public static function start( mysqli $connection ) {
		if ( ! defined( 'PRESSROOM_ANSWERS' ) || defined( 'SAVEQUERIES' ) && SAVEQUERIES || is_file( self::FOLDER . '/off' ) ) {
			return;
		}
		$versions = json_decode( (string) @file_get_contents( PRESSROOM_OBJECT_VERSIONS ), true );
		$silent   = isset( $versions['epoch'], $versions['tables'], $versions['at'] ) ? self::silent_tables( $connection, $versions ) : null;
		if ( $silent !== null && self::session( $connection )[0] > 0 ) { // There are figures: WordPress has said SET NAMES.
			self::$versions   = $versions;
			self::$from       = $versions['at'];
			self::$silent     = $silent;
			self::$connection = $connection;
			self::$session    = self::session( $connection );
			self::$list       = self::open_list();
		}
	}

	/**
	 * Tables whose rows may change without a word in the binlog, by a foreign key to another one; null where there is more than
	 * tables of the usual engines: what is read by a view's name, by a function, or from elsewhere changes with other tables.
	 * Asked once for each state of the tables' definitions.
	 */
	private static function silent_tables( mysqli $connection, array $versions ) {
		$key  = md5( "tables {$versions['epoch']} " . ( $versions['tables'][ self::STRUCTURE ] ?? 0 ) );
		$kept = self::read( $key );
		if ( $kept === null ) {
			$result = $connection->query(
				"SELECT '', COUNT(*) FROM information_schema.TABLES WHERE TABLE_SCHEMA = DATABASE()"
				. " AND (TABLE_TYPE <> 'BASE TABLE' OR IFNULL(ENGINE, '') NOT IN ('InnoDB', 'MyISAM', 'Aria')) UNION ALL"
				. " SELECT '', COUNT(*) FROM information_schema.ROUTINES WHERE ROUTINE_SCHEMA = DATABASE() AND ROUTINE_TYPE = 'FUNCTION' UNION ALL"
				. ' SELECT TABLE_NAME, 0 FROM information_schema.REFERENTIAL_CONSTRAINTS WHERE CONSTRAINT_SCHEMA = DATABASE()'
				. " AND NOT (DELETE_RULE IN ('RESTRICT', 'NO ACTION') AND UPDATE_RULE IN ('RESTRICT', 'NO ACTION'))"
			);
			$rows = $result ? $result->fetch_all() : array( array( '', 1 ) );
			$kept = array( array_sum( array_column( $rows, 1 ) ), array_diff( array_column( $rows, 0 ), array( '' ) ) );
			self::write( array( $key => $kept ) );
		}
		return $kept[0] === 0 ? $kept[1] : null;
	}

	/** @return resource|null */
	private static function open_list() {
		$list = @fopen( self::FOLDER . '/asked-' . intdiv( time(), self::LIST_SPAN ), 'c+b' );
		if ( ! $list ) {
			return null;
		}
		stream_set_read_buffer( $list, 0 );
		if ( fstat( $list )['size'] < self::PLACES ) {
			ftruncate( $list, self::PLACES );
		}
		return $list;
	}

	/** Whether another page has asked this, too. Statements may share a place: then one is kept that need not be. */
	private static function is_asked_by_several( $query ) {
		if ( self::$list === null ) {
			return false;
		}
		$place = crc32( $query ) % self::PLACES;
		$page  = 1 + crc32( $_SERVER['REQUEST_URI'] ?? '' ) % ( self::SEVERAL - 1 );
		fseek( self::$list, $place );
		$asker = ord( (string) fread( self::$list, 1 ) );
		if ( $asker === self::SEVERAL || $asker === $page ) {
			return $asker === self::SEVERAL;
		}
		fseek( self::$list, $place );
		fwrite( self::$list, chr( $asker === 0 ? $page : self::SEVERAL ) );
		return $asker !== 0;
	}

	/** Statements that set something, that chose a database, and prepared ones. */
	private static function session( mysqli $connection ) {
		$figures = $connection->get_connection_stats();
		return array( $figures['non_result_set_queries'], $figures['com_init_db'], $figures['com_change_user'], $figures['com_stmt_execute'] );
	}

	/**
	 * This render writes, changes its session, or ends: what MariaDB answers from now on may be its own alone. Whoever changed
	 * the session behind WordPress's back may have changed what statements give: from then on the site's renders go without.
	 */
	public static function leave() {
		if ( self::$connection === null ) {
			return;
		}
		if ( self::session( self::$connection ) === self::$session ) {
			self::write( self::$new );
		} else {
			@mkdir( self::FOLDER, 0700 );
			@touch( self::FOLDER . '/off' );
			if ( self::$known ) {
				Pressroom_Recorder::refuse( 'its code changed the session of the database connection' );
			}
		}
		self::end();
	}

	/** The connection is another one, and what was done to the session of the one before is not known. */
	public static function lose() {
		if ( self::$connection !== null && self::$known ) {
			Pressroom_Recorder::refuse( 'the connection to the database was lost meanwhile' );
		}
		self::end();
	}

	private static function end() {
		self::$versions   = null;
		self::$connection = null;
		self::$list       = null;
		self::$new        = array();
		self::$asked      = null;
		self::$answered   = null;
		self::$found      = null;
	}

	/** Where in the binlog these answers are from at the least, as the versions tell it; null where none was used. */
	public static function from() {
		return self::$known > 0 ? self::$from : null;
	}

	/** The rows that are kept for this statement, as it would be sent; null: MariaDB is to be asked. */
	public static function to( $query ) {
		$answered       = self::$answered;
		$found          = self::$found;
		self::$asked    = null;
		self::$answered = null;
		self::$found    = null;
		if ( self::$versions === null ) {
			return null;
		}
		if ( preg_match( self::FOUND_ROWS, $query ) ) {
			self::$asked = $answered === null ? null : array( $answered, true );
			return $found === null ? null : self::rows( $found[1] );
		}
		if ( $found !== null && stripos( $query, 'found_rows' ) !== false ) {
			self::$connection->query( $found[0] )->free(); // Its number is asked for in some other form.
		}
		$key = self::is_for_us_alone() ? self::key( $query ) : null;
		if ( $key === null || ( self::$times[ $key ] = 1 + ( self::$times[ $key ] ?? 0 ) ) > self::MOST ) {
			return null;
		}
		$kept       = self::$new[ $key ] ?? self::read( $key );
		$is_counted = stripos( $query, 'SQL_CALC_FOUND_ROWS' ) !== false;
		$rows       = $kept === null || $is_counted && $kept[1] === null ? null : self::rows( $kept[0] );
		if ( $rows === null ) {
			self::$asked = self::is_asked_by_several( $query ) ? array( $key, false ) : null;
			return null;
		}
		++self::$known;
		$number      = array( (object) array( 'FOUND_ROWS()' => (string) count( $rows ) ) );
		self::$found = array( $query, $is_counted ? $kept[1] : serialize( $number ) );
		return $rows;
	}

	/** What keep() is to be told when MariaDB has answered the statement that to() had nothing for. */
	public static function asked() {
		$asked       = self::$asked;
		self::$asked = null;
		return $asked;
	}

	public static function keep( $asked, array $rows ) {
		if ( $asked === null || self::$versions === null ) {
			return;
		}
		list( $key, $is_number ) = $asked;
		$text                    = serialize( $rows );
		if ( $is_number && isset( self::$new[ $key ] ) ) {
			self::$new[ $key ][1] = $text;
		} elseif ( ! $is_number && strlen( $text ) <= self::LARGEST ) {
			self::$new[ $key ] = array( $text, null );
			self::$answered    = $key;
		}
	}

	/** @return array|null */
	private static function rows( $text ) {
		$rows = is_string( $text ) ? @unserialize( $text, array( 'allowed_classes' => array( 'stdClass' ) ) ) : null;
		return is_array( $rows ) ? $rows : null;
	}

	/** Whether nobody but WordPress itself and the recorder hooks in where a statement is sent, and perhaps sends another one. */
	private static function is_for_us_alone() {
		if ( isset( $GLOBALS['wp_filter']['all'] ) ) {
			return false;
		}
		$own = 1 + (int) ( has_filter( 'query', array( $GLOBALS['wpdb'], 'remove_placeholder_escape' ) ) !== false );
		return count( array_merge( ...( $GLOBALS['wp_filter']['query']->callbacks ?? array() ) ) ) === $own;
	}

	private static function key( $query ) {
		if ( strlen( $query ) > self::LONGEST || ! preg_match( Pressroom_Reads::SELECT, $query ) || preg_match( self::MORE, $query ) !== 0
			|| strpos( $query, $GLOBALS['wpdb']->options ) !== false ) {
			return null;
		}
		$count = preg_match_all( '/(?<![\w`.])[\w`.]++(?=\s*\()/', strtolower( $query ), $called );
		if ( $count === false || array_diff( $called[0], self::PLAIN ) ) {
			return null;
		}
		foreach ( self::$silent as $table ) {
			if ( strpos( $query, $table ) !== false ) {
				return null;
			}
		}
		$last = 0;
		foreach ( self::$versions['tables'] as $table => $sequence ) {
			if ( $sequence > $last && strpos( $query, (string) $table ) !== false ) {
				$last = $sequence;
			}
		}
		return md5( self::$versions['epoch'] . ":$last:$query" );
	}

	/** @return array|null rows and those of FOUND_ROWS(), as they were written */
	private static function read( $key ) {
		$now = intdiv( time(), self::SPAN );
		foreach ( array( $now, $now - 1 ) as $span ) {
			$file = self::FOLDER . "/$span/$key";
			$kept = is_file( $file ) ? unserialize( (string) @file_get_contents( $file ), array( 'allowed_classes' => false ) ) : false;
			if ( is_array( $kept ) ) {
				return $kept;
			}
		}
		return null;
	}

	private static function write( array $answers ) {
		$span   = intdiv( time(), self::SPAN );
		$folder = self::FOLDER . "/$span";
		if ( $answers && ! is_dir( $folder ) && @mkdir( $folder, 0700, true ) ) {
			self::remove_before( $span - 1 );
		}
		if ( ! $answers || @disk_free_space( $folder ) < self::LEFT ) {
			return;
		}
		foreach ( $answers as $key => $answer ) {
			$text      = serialize( $answer );
			$beginning = "$folder/$key." . getmypid();
			if ( strlen( $text ) <= self::LARGEST ) {
				if ( @file_put_contents( $beginning, $text ) === strlen( $text ) ) {
					@rename( $beginning, "$folder/$key" );
				} else {
					@unlink( $beginning );
				}
			}
		}
	}

	private static function remove_before( $span ) {
		foreach ( (array) glob( self::FOLDER . '/[0-9]*', GLOB_ONLYDIR ) as $folder ) {
			if ( (int) basename( $folder ) < $span ) {
				foreach ( (array) glob( "$folder/*" ) as $file ) {
					@unlink( $file );
				}
				@rmdir( $folder );
			}
		}
		foreach ( (array) glob( self::FOLDER . '/asked-*' ) as $list ) {
			if ( $list !== self::FOLDER . '/asked-' . intdiv( time(), self::LIST_SPAN ) ) {
				@unlink( $list );
			}
		}
	}
}
