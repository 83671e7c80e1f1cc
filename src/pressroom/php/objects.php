<?php
/**
 * WordPress's object cache, kept from one request to the next in the memory of the site's PHP (APCu).
 *
 * A value's key carries a version of the tables that the value was made from. The invalidator raises versions once a
 * change is visible, and a request keeps those that it has found at its start: what a request that began before a
 * change keeps, however late, is not found by one that began after it. Without versions, without the gate, and in
 * renders, WordPress gets its own cache, as if this file were not there; likewise from a request's first write on,
 * for what it reads then may never be committed. Transients stay in the database, where the page cache sees them.
 */

if ( Pressroom_Recorder::active() || ! in_array( getenv( 'PRESSROOM_POOL' ), array( 'web', 'guests' ), true ) || is_multisite()
	|| ! function_exists( 'apcu_enabled' ) || ! apcu_enabled() || ! is_dir( PRESSROOM_GATE ) ) {
	return;
}
// WordPress includes drop-ins inside of a function.
$GLOBALS['pressroom_versions'] = json_decode( (string) @file_get_contents( PRESSROOM_OBJECT_VERSIONS ), true );
if ( ! isset( $GLOBALS['pressroom_versions']['epoch'], $GLOBALS['pressroom_versions']['tables'] ) ) {
	return;
}
require_once ABSPATH . WPINC . '/class-wp-object-cache.php';

final class Pressroom_Objects extends WP_Object_Cache {

	/** Seconds that a value is kept at the most. */
	const LONGEST = 86400;

	/** Groups of rows as they are in these tables. All others may hold the result of any query: all tables. */
	const TABLES = array(
		'options'    => array( 'options' ),
		'users'      => array( 'users' ),
		'userlogins' => array( 'users' ),
		'useremail'  => array( 'users' ),
		'userslugs'  => array( 'users' ),
		'user_meta'  => array( 'users', 'usermeta' ),
		'post_meta'  => array( 'posts', 'postmeta' ),
		'term_meta'  => array( 'terms', 'termmeta' ),
	);

	/** Made from files, from others' answers, or for one request. */
	const LEFT_OUT = array( 'transient', 'site-transient', 'counts', 'plugins', 'themes', 'theme_files', 'theme_json', 'translation_files' );

	/** What is there before any value is read: an object of another class could come back without its class. */
	const CLASSES = array( 'stdClass', 'WP_Post', 'WP_Term', 'WP_Comment' );

	/** @var bool whether values are still looked for, and kept */
	private $keeps = true;

	/** @var array the versions of this request's start: epoch, and the last change of each table */
	private $versions;

	/** @var array name of a group => what its keys begin with; null: it is left out */
	private $prefixes;

	/** @var array keys that are not there: asked for already, or deleted by this request */
	private $absent = array();

	/** @var array key => array( value, seconds ) to be kept at the request's end */
	private $new = array();

	public function __construct( array $versions ) {
		parent::__construct();
		$this->versions = $versions;
		$this->prefixes = array_fill_keys( self::LEFT_OUT, null );
		register_shutdown_function( array( $this, 'on_shutdown' ) );
	}

	/** This request writes to the database: from now on it has a cache of its own. */
	public static function leave() {
		if ( isset( $GLOBALS['wp_object_cache'] ) && $GLOBALS['wp_object_cache'] instanceof self ) {
			$GLOBALS['wp_object_cache']->keeps = false;
			$GLOBALS['wp_object_cache']->new   = array();
		}
	}

	public function leave_out( $groups ) {
		$this->prefixes = array_fill_keys( (array) $groups, null ) + $this->prefixes;
	}

	private function key( $key, $group ) {
		if ( ! $this->keeps || ! $this->is_valid_key( $key ) ) {
			return null;
		}
		$group = $group ? $group : 'default';
		if ( ! array_key_exists( $group, $this->prefixes ) ) {
			$last = 0;
			foreach ( $this->versions['tables'] as $table => $sequence ) {
				if ( ! isset( self::TABLES[ $group ] ) || in_array( $table, $this->tables( $group ), true ) ) {
					$last = max( $last, $sequence );
				}
			}
			$this->prefixes[ $group ] = "{$this->versions['epoch']}:$last:$group:";
		}
		return $this->prefixes[ $group ] === null ? null : $this->prefixes[ $group ] . $key;
	}

	private function tables( $group ) {
		global $table_prefix;
		return preg_filter( '/^/', $table_prefix, self::TABLES[ $group ] );
	}

	/** Bring what this request has not seen yet from where it is kept. */
	private function bring( array $keys, $group ) {
		$wanted = array();
		foreach ( $keys as $key ) {
			$name = $this->key( $key, $group );
			if ( $name !== null && ! isset( $this->absent[ $name ] ) ) {
				parent::get( $key, $group, false, $found );
				if ( ! $found ) {
					$wanted[ $name ] = $key;
				}
			}
		}
		$values = $wanted ? apcu_fetch( array_keys( $wanted ) ) : array();
		foreach ( $wanted as $name => $key ) {
			if ( isset( $values[ $name ] ) ) {
				parent::set( $key, $values[ $name ][0], $group );
			} else {
				$this->absent[ $name ] = true;
			}
		}
	}

	public function get( $key, $group = 'default', $force = false, &$found = null ) {
		$value = parent::get( $key, $group, false, $found );
		if ( $found || ! $this->keeps ) {
			return $value;
		}
		$this->bring( array( $key ), $group );
		return parent::get( $key, $group, false, $found );
	}

	public function get_multiple( $keys, $group = 'default', $force = false ) {
		$this->bring( $keys, $group );
		return parent::get_multiple( $keys, $group );
	}

	public function set( $key, $data, $group = 'default', $expire = 0 ) {
		$name = $this->key( $key, $group );
		if ( $name !== null ) {
			$seconds            = $expire > 0 ? min( (int) $expire, self::LONGEST ) : self::LONGEST;
			$this->new[ $name ] = array( is_object( $data ) ? clone $data : $data, $seconds );
		}
		return parent::set( $key, $data, $group, $expire );
	}

	public function replace( $key, $data, $group = 'default', $expire = 0 ) {
		$this->bring( array( $key ), $group );
		return parent::replace( $key, $data, $group, $expire );
	}

	public function incr( $key, $offset = 1, $group = 'default' ) {
		$this->bring( array( $key ), $group );
		$value = parent::incr( $key, $offset, $group );
		return $value === false ? false : ( $this->set( $key, $value, $group ) ? $value : false );
	}

	public function decr( $key, $offset = 1, $group = 'default' ) {
		$this->bring( array( $key ), $group );
		$value = parent::decr( $key, $offset, $group );
		return $value === false ? false : ( $this->set( $key, $value, $group ) ? $value : false );
	}

	public function delete( $key, $group = 'default', $deprecated = false ) {
		$this->bring( array( $key ), $group ); // It answers whether there was one.
		$name = $this->key( $key, $group );
		if ( $name !== null ) {
			unset( $this->new[ $name ] );
			$this->absent[ $name ] = true;
			apcu_delete( $name );
		}
		return parent::delete( $key, $group );
	}

	public function flush() {
		apcu_clear_cache();
		self::leave();
		return parent::flush();
	}

	public function flush_runtime() {
		return parent::flush();
	}

	public function flush_group( $group ) {
		apcu_clear_cache();
		self::leave();
		return parent::flush_group( $group );
	}

	/** Put at the end of the queue once more: other shutdown functions may write. */
	public function on_shutdown() {
		register_shutdown_function( array( $this, 'keep' ) );
	}

	public function keep() {
		if ( ! $this->keeps ) {
			return;
		}
		foreach ( $this->new as $name => list( $value, $seconds ) ) {
			if ( self::is_plain( $value ) ) {
				apcu_store( $name, array( $value ), $seconds );
			}
		}
	}

	private static function is_plain( $value, $depth = 0 ) {
		if ( $depth > 20 || is_object( $value ) && ! in_array( get_class( $value ), self::CLASSES, true ) || is_resource( $value ) ) {
			return false;
		}
		if ( is_array( $value ) || is_object( $value ) ) {
			foreach ( (array) $value as $part ) {
				if ( ! self::is_plain( $part, $depth + 1 ) ) {
					return false;
				}
			}
		}
		return true;
	}
}

require __DIR__ . '/objects-functions.php';
