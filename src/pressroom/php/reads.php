<?php
/**
 * What a render reads from the database: statements as they are sent, options and meta by name.
 *
 * WordPress reads all autoloaded options by one query, and all meta of an object; as dependencies these would make a
 * page depend on each session token and edit lock. They are left out, and what is asked of them is noted instead, by
 * WordPress's own filters. Whoever takes these lists as a whole is found by the call stack, and then the query counts.
 */
final class Pressroom_Reads {

	const SELECT = '/^[\s(]*select\b/i';

	/** Statements that read no rows. Those that ask how tables are made are noted like any other. */
	const NO_ROWS = '/^\s*(?:show\s+(?:session\s+|global\s+)?variables|explain|set|use)\b/i';

	/** Writes that read nothing; others (INSERT … SELECT, CALL) may have read anything. */
	const PLAIN_WRITE = '/^\s*(?:insert|replace|update|delete|start\s+transaction|begin|commit|rollback|savepoint|release)\b(?!.*\bselect\b)/is';

	/**
	 * Whose look at the list of all options concerns an option that is noted by name as well, beside get_option(). bbPress
	 * and WPForms look on each page for options of theirs, and ask for them by get_option() then.
	 */
	const OPTION_READERS = array(
		'get_option', 'add_option', 'update_option', 'delete_option', 'get_transient', 'set_transient', 'get_site_transient',
		'set_site_transient', 'is_blog_installed', 'wp_prime_option_caches', 'wp_set_option_autoload_values',
		'_wp_specialchars', 'bbp_pre_load_options', 'WPForms\\Helpers\\Transient::get',
	);

	/** Looked at on each page to plan events, and changed by each that is planned or run: no text is made of them. */
	const SCHEDULES = array( 'cron', '_transient_doing_cron', '_transient_timeout_doing_cron' );

	/** How WordPress loads posts into its object cache, where Pressroom_Lookups sees who takes them. */
	const POSTS = '/^SELECT (?:\S+posts\.)?\* FROM \S+posts WHERE ID (?:= \d+ LIMIT 1|IN \([\d,]+\))$/';

	/** The same of terms. */
	const TERMS = '/^SELECT t\.\*, tt\.\* FROM \S+terms AS t INNER JOIN \S+term_taxonomy AS tt ON t\.term_id = tt\.term_id WHERE t\.term_id (?:= \d+|IN \([\d,]+\))$/';

	/** How WordPress (since 6.4) brings a few options at once, which get_option() is asked for then. Names as they are, quoted. */
	const FEW_OPTIONS = '/^SELECT option_name, option_value FROM (\S+) WHERE option_name IN \(([^\\\\]*)\)$/';

	/** The option that each query and each article in a list looks at: see sticky(). */
	const STICKY = 'sticky_posts';

	/** What some of these look at without get_option(). */
	const ALWAYS = array( 'siteurl' => true, 'blog_charset' => true );

	/** Who fills the cache that get_metadata() answers from. */
	const META_READERS = array(
		'get_metadata_raw', 'get_metadata', 'metadata_exists', 'update_postmeta_cache', 'update_termmeta_cache', 'cache_users',
		'update_user_caches', 'update_comment_cache', 'lazyload_comment_meta', 'lazyload_term_meta', 'lazyload_meta_callback',
		'lazyload_meta', 'get_metadata_default',
	);

	/** Columns that hold when a row was written; a post of the future is published by an event. */
	const WRITTEN_WHEN = array(
		'post_date' => 1, 'post_date_gmt' => 1, 'post_modified' => 1, 'post_modified_gmt' => 1, 'comment_date' => 1,
		'comment_date_gmt' => 1, 'user_registered' => 1, 'registered' => 1, 'last_updated' => 1,
	);

	/** A value in serialized rows, behind its column's name: Unix seconds, or a date with its time. */
	const MOMENT = '~";s:1[069]:"(\d{10}|\d{4}-\d\d-\d\d[ T]\d\d:\d\d(?::\d\d)?)";~';

	/** Of results: quick, for pages read megabytes. */
	const DIGEST = 'xxh128';

	/** @var array statement => digest of its result, '' where there is none */
	private static $statements = array();

	/** @var array statement => digest of its rows alone; '' where they were not the same each time */
	private static $digests = array();

	/** @var string|null the statement under way, if it is noted */
	private static $under_way = null;

	/** @var bool whether the statement under way reads the list of all options, most of which nobody asks for */
	private static $is_list = false;

	/** @var bool whether the statement under way brings a few options, each noted by name */
	private static $is_few = false;

	/** @var array|null of the statement under way, if it is noted as another one with fewer columns, these; none: if there are rows */
	private static $columns = null;

	/** @var string|null the statement before, if it had its rows counted (SQL_CALC_FOUND_ROWS) */
	private static $counted = null;

	/** @var bool whether the statement under way asks for that number */
	private static $counts = false;

	/** @var array table => option => true */
	private static $options = array();

	/** @var array table => number of an article that was asked for among the sticky ones => true */
	private static $sticky = array();

	/** @var Closure|null how looks at the list of all options are seen at first */
	private static $list_hook = null;

	/** @var bool whether get_option() is about to look at the list of all options */
	private static $asked = false;

	/** @var array table => type => object id => key ('' for all) => true */
	private static $meta = array();

	/** @var bool whether WordPress tells each option that is asked for (since 6.1) */
	private static $by_name = true;

	/** @var int answers with rows that came through wpdb */
	private static $answers = 0;

	/** @var int[] those of WordPress's connection, and those of all, before the first of them */
	private static $answers_before = array( 0, 0 );

	public static function start( mysqli $connection ) {
		require_once PRESSROOM_PHP . '/lists.php';
		self::$answers_before = self::answers( $connection );
		self::$by_name        = version_compare( $GLOBALS['wp_version'], '6.1', '>=' );
		// Hundreds of calls a page: closures, and all the arguments that there are, are WordPress's quickest way.
		add_filter( 'query', self::own( 'on_query' ), PHP_INT_MAX );
		add_filter( 'pre_option', self::own( 'on_option' ), PHP_INT_MAX, 3 );
		self::$list_hook = self::own( 'on_all_options' );
		add_filter( 'alloptions', self::$list_hook, PHP_INT_MAX );
		add_action( 'muplugins_loaded', self::own( 'watch_cache' ), PHP_INT_MIN );
		add_filter( 'is_sticky', self::own( 'on_is_sticky' ), PHP_INT_MIN, 2 );
		foreach ( array( 'post', 'user', 'term', 'comment' ) as $type ) {
			add_filter( "get_{$type}_metadata", self::own( 'on_meta' ), PHP_INT_MAX, 5 );
		}
	}

	/** As soon as WordPress has an object cache, and before plugins ask for anything. */
	public static function watch_cache() {
		require_once PRESSROOM_PHP . '/lookups.php';
		require_once PRESSROOM_PHP . '/term-lookups.php';
		if ( Pressroom_Lookups::watch() ) {
			remove_filter( 'alloptions', self::$list_hook, PHP_INT_MAX ); // It is seen there, at less cost.
		}
	}

	private static function own( $name ) {
		return Closure::fromCallable( array( __CLASS__, $name ) );
	}

	/**
	 * After a statement: what it gave, so that a change that does not change it can be told from one that does. The
	 * number of all rows, if it is asked for next, belongs to it; such a digest begins with an n.
	 *
	 * @param array|null $rows     What it gave; null for one that failed, or that writes.
	 * @param bool       $answered Whether MariaDB sent rows, be it none.
	 */
	public static function on_result( $rows, $answered ) {
		self::$answers += $answered ? 1 : 0;
		$text           = is_array( $rows ) && ! self::$is_list ? serialize( self::$is_few ? self::without_own_caches( $rows ) : $rows ) : 'a:0:{}';
		if ( $text !== 'a:0:{}' ) {
			self::look_for_moments( $text );
		}
		if ( self::$counts && ( self::$statements[ self::$counted ] ?? '' ) !== '' && is_array( $rows ) && count( $rows ) === 1 ) {
			$number = current( get_object_vars( $rows[0] ) );
			self::$statements[ self::$counted ] = 'n' . substr( hash( self::DIGEST, self::$statements[ self::$counted ] . ':' . $number ), 1 );
		}
		self::$counted = null;
		if ( self::$under_way !== null && is_array( $rows ) ) {
			$text = self::$columns === null ? $text : serialize( Pressroom_Lists::narrowed( $rows, self::$columns ) );
			$digest = hash( self::DIGEST, $text );
			$before = self::$digests[ self::$under_way ] ?? $digest;
			self::$statements[ self::$under_way ] = self::$digests[ self::$under_way ] = $digest === $before ? $digest : '';
			if ( stripos( self::$under_way, 'SQL_CALC_FOUND_ROWS' ) !== false ) {
				self::$counted = self::$under_way;
			}
		}
		self::$under_way = null;
	}

	/** Text can look like a value of its own: then a page is made anew earlier than it must. */
	private static function look_for_moments( $serialized ) {
		if ( preg_match_all( self::MOMENT, $serialized, $moments, PREG_OFFSET_CAPTURE ) === false ) {
			Pressroom_Clock::ends_at( time() + Pressroom_Clock::NOW, 'rows that cannot be looked through' );
			return;
		}
		foreach ( $moments[0] as $number => list( , $end ) ) {
			$begin  = strrpos( $serialized, '"', $end - strlen( $serialized ) - 1 );
			$column = substr( $serialized, $begin + 1, $end - $begin - 1 );
			if ( ! isset( self::WRITTEN_WHEN[ $column ] ) ) {
				Pressroom_Clock::on_value( $moments[1][ $number ][0] );
			}
		}
	}

	public static function on_query( $query ) {
		self::$under_way = null;
		self::$is_list   = strpos( $query, 'SELECT option_name, option_value FROM' ) === 0 && strpos( $query, 'option_name IN' ) === false;
		self::$counts    = stripos( $query, 'found_rows(' ) !== false && preg_match( '/^\s*select\s+found_rows\(\s*\)\s*$/i', $query ) === 1;
		self::$is_few    = self::$by_name && self::note_few_options( $query );
		$is_plain        = ! preg_match( self::SELECT, $query )
			&& ( preg_match( self::NO_ROWS, $query ) || preg_match( self::PLAIN_WRITE, $query ) );
		if ( $is_plain || self::$counts || self::$is_few || self::is_noted_by_name( $query ) || self::is_of_scheduler( $query ) ) {
			return $query;
		}
		list( self::$under_way, self::$columns ) = Pressroom_Lists::noted( $query );
		if ( ! isset( self::$statements[ self::$under_way ] ) ) {
			self::$statements[ self::$under_way ] = '';
		}
		Pressroom_Clock::on_query( $query );
		return $query;
	}

	public static function on_option( $value, $option, $otherwise = false ) {
		if ( isset( self::$options[ $GLOBALS['wpdb']->options ][ $option ] ) ) { // Most are asked for often.
			self::$asked = $value === false;
			return $value;
		}
		Pressroom_Transients::on_option( $option );
		if ( Pressroom_Transients::is_own_cache( $option ) ) {
			return strpos( $option, 'transient_timeout_' ) ? PHP_INT_MAX : ''; // no statement reads it, nothing is written
		}
		if ( ! in_array( $option, self::SCHEDULES, true ) && ! ( $option === self::STICKY && self::is_sticky_by_number( $value ) ) ) {
			self::$options[ $GLOBALS['wpdb']->options ][ $option ] = true;
		}
		self::$asked = $value === false;
		return $value;
	}

	public static function on_is_sticky( $is_sticky, $id ) {
		$is_seen_by_us_alone = count( array_merge( ...$GLOBALS['wp_filter']['is_sticky']->callbacks ) ) === 1;
		if ( $is_seen_by_us_alone && ! ( is_home() && ! is_paged() ) && self::caller_of( 'is_sticky', array( 'get_post_class' ) ) !== false ) {
			return $is_sticky; // A class of the front page's list alone.
		}
		self::$sticky[ $GLOBALS['wpdb']->options ][ (int) $id ] = true;
		return $is_sticky;
	}

	/**
	 * Whether the list of sticky articles is read for one article alone (is_sticky(), which then tells its number), or by a
	 * query that makes no use of it. Not where something else is put in the list's place.
	 */
	private static function is_sticky_by_number( $given ) {
		if ( $given !== false ) {
			return false;
		}
		foreach ( array( 'pre_option_', 'option_', 'default_option_' ) as $hook ) {
			if ( has_filter( $hook . self::STICKY ) ) {
				return false;
			}
		}
		foreach ( debug_backtrace( DEBUG_BACKTRACE_IGNORE_ARGS | DEBUG_BACKTRACE_PROVIDE_OBJECT, 8 ) as $frame ) {
			if ( isset( $is_next ) ) {
				if ( isset( $frame['object'] ) && $frame['object'] instanceof WP_Query && $frame['function'] === 'get_posts' ) {
					$query = $frame['object'];
					return ! $query->is_home || $query->query_vars['paged'] > 1 || ! empty( $query->query_vars['ignore_sticky_posts'] )
						|| Pressroom_Lists::is_unused( $query );
				}
				return $frame['function'] === 'is_sticky' && ! isset( $frame['class'] );
			}
			$is_next = $frame['function'] === 'get_option' ? true : null;
		}
		return false;
	}

	/** Somebody looks at the list of all options. */
	public static function on_all_options( $options = null ) {
		if ( self::$asked ) {
			self::$asked = false;
		} elseif ( self::caller_of( 'wp_load_alloptions', self::OPTION_READERS ) === false ) {
			self::$statements[ self::all_options() ] = '';
		}
		return $options;
	}

	public static function on_meta( $value, $id, $key, $single = false, $type = null ) {
		$type = $type === null ? substr( current_filter(), 4, -9 ) : $type;
		self::$meta[ $GLOBALS['wpdb']->{$type . 'meta'} ][ $type ][ (int) $id ][ (string) $key ] = true;
		return $value;
	}

	/** What the list holds, without what is looked at on each page and of which no text is made. */
	private static function all_options() {
		$loaded = function_exists( 'wp_autoload_values_to_autoload' ) ? wp_autoload_values_to_autoload() : array( 'yes' );
		return sprintf(
			"SELECT option_name, option_value FROM %s WHERE autoload IN ('%s') AND option_name NOT IN ('%s')",
			$GLOBALS['wpdb']->options,
			implode( "', '", array_map( 'esc_sql', $loaded ) ),
			implode( "', '", self::SCHEDULES )
		);
	}

	/** For the record. */
	public static function all( mysqli $connection ) {
		foreach ( array_intersect_key( self::loaded_options(), self::$options[ $GLOBALS['wpdb']->options ] ?? array() ) as $value ) {
			Pressroom_Clock::on_value( $value );
		}
		$statements = array();
		foreach ( self::$statements as $statement => $digest ) {
			$statements[] = array( self::text( $statement ), $digest );
		}
		list( $own, $all ) = self::answers( $connection );
		list( $own_before, $all_before ) = self::$answers_before;
		if ( $all - $all_before !== self::$answers ) {
			$statements[] = array( '(sent beside wpdb)', '' );
		}
		if ( $all - $all_before !== $own - $own_before ) { // Perhaps to another server, whose binlog nobody reads.
			Pressroom_Clock::ends_at( time() + Pressroom_Clock::NOW, 'a connection of its own to a database' );
		}
		$options = array();
		foreach ( self::$options as $table => $names ) {
			$options[] = array( $table, array_map( array( __CLASS__, 'text' ), array_keys( $names + self::ALWAYS ) ) );
		}
		$sticky = array();
		foreach ( self::$sticky as $table => $numbers ) {
			$sticky[] = array( $table, self::STICKY, array_keys( $numbers ) );
		}
		$meta = array();
		foreach ( self::$meta as $table => $types ) {
			foreach ( $types as $type => $objects ) {
				foreach ( $objects as $id => $keys ) {
					$meta[] = array( $table, "{$type}_id", $id, array_map( array( __CLASS__, 'text' ), array_keys( $keys ) ) );
				}
			}
		}
		return array(
			'statements' => $statements,
			'options'    => $options,
			'holds'      => $sticky,
			'rows'       => class_exists( 'Pressroom_Lookups', false ) ? Pressroom_Lookups::all() : array(),
			'meta'       => $meta,
		);
	}

	private static function loaded_options() {
		$cache = $GLOBALS['wp_object_cache'];
		return (array) ( $cache instanceof Pressroom_Lookups ? $cache->loaded( 'alloptions', 'options' ) : wp_cache_get( 'alloptions', 'options' ) );
	}

	/** JSON holds UTF-8 alone; a statement with other bytes is one that cannot be analysed. */
	private static function text( $text ) {
		return preg_match( '//u', (string) $text ) ? (string) $text : '(not UTF-8)';
	}

	/** Whether this is one of the queries whose answers are asked for by name, or by number. */
	private static function is_noted_by_name( $query ) {
		if ( self::$by_name && strpos( $query, 'SELECT option_name, option_value FROM' ) === 0 ) {
			return strpos( $query, 'option_name IN' ) === false && self::caller_of( 'wp_load_alloptions', null ) !== false;
		}
		if ( preg_match( '/^SELECT (?:post|user|term|comment)_id, meta_key, meta_value FROM \S+ WHERE /', $query ) ) {
			return self::caller_of( 'update_meta_cache', self::META_READERS ) !== false;
		}
		if ( preg_match( self::POSTS, $query ) && class_exists( 'Pressroom_Lookups', false ) && Pressroom_Lookups::watches() ) {
			return self::caller_of( 'get_row', array( 'WP_Post::get_instance' ) ) !== false
				|| self::caller_of( 'get_results', array( '_prime_post_caches' ) ) !== false;
		}
		if ( preg_match( self::TERMS, $query ) && class_exists( 'Pressroom_Lookups', false ) && Pressroom_Lookups::watches() ) {
			return self::caller_of( 'get_results', array( 'WP_Term::get_instance', '_prime_term_caches' ) ) !== false;
		}
		return false;
	}

	/** Notes the options that this brings, if it does nothing else: WordPress asks for them by name next, but not for all. */
	private static function note_few_options( $query ) {
		if ( ! preg_match( self::FEW_OPTIONS, $query, $found ) || $found[1] !== $GLOBALS['wpdb']->options
			|| self::caller_of( 'get_results', array( 'wp_prime_option_caches' ) ) === false ) {
			return false;
		}
		foreach ( str_getcsv( $found[2], ',', "'" ) as $name ) {
			self::on_option( false, $name );
		}
		self::$asked = false;
		return true;
	}

	private static function without_own_caches( array $rows ) {
		return array_filter(
			$rows,
			function ( $row ) {
				return ! Pressroom_Transients::is_own_cache( $row->option_name );
			}
		);
	}

	/**
	 * Whether it reads the tables of Action Scheduler alone (WooCommerce and many more bring it): as with WordPress's own
	 * schedules, each page asks whether its events are planned, each that runs changes the answer, no text is made of it.
	 */
	private static function is_of_scheduler( $query ) {
		$own = $GLOBALS['wpdb']->prefix . 'actionscheduler_';
		if ( strpos( $query, $own ) === false ) {
			return false;
		}
		$rest  = str_replace( $own, '', $query, $count );
		$found = preg_match_all( '/\b(?:from|join)\s+`?' . preg_quote( $own, '/' ) . '/i', $query );
		return $count > 0 && strpos( $rest, $GLOBALS['wpdb']->base_prefix ) === false
			&& $found === preg_match_all( '/\b(?:from|join)\b/i', $query );
	}

	/** Who called that function: its name if it is among those (or any, for null), else false. */
	public static function caller_of( $function, $among ) {
		foreach ( debug_backtrace( DEBUG_BACKTRACE_IGNORE_ARGS, 12 ) as $frame ) {
			if ( isset( $found ) ) {
				$names = array( $frame['function'], ( isset( $frame['class'] ) ? $frame['class'] : '' ) . '::' . $frame['function'] );
				return $among === null || array_intersect( $names, $among ) ? $frame['function'] : false;
			}
			if ( $frame['function'] === $function ) {
				$found = true;
			}
		}
		return isset( $found ) && $among === null ? '' : false;
	}

	/**
	 * Answers with rows: of this connection, and of all connections of this process, PDO's too. As PHP's driver counts them,
	 * prepared statements' too. Where it is told not to count, each page seems to hold more.
	 */
	private static function answers( mysqli $connection ) {
		return array(
			(int) $connection->get_connection_stats()['result_set_queries'],
			(int) mysqli_get_client_stats()['result_set_queries'],
		);
	}
}
