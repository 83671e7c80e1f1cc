<?php
/**
 * What a render asks about its visitor. A stored page is everybody's, so it may depend on nothing of theirs.
 *
 * wp_is_mobile() has a hook. The superglobals have none: the platform renders pages of each view once more with other
 * headers, and compares (probes.py). In such a render $_COOKIE holds whatever cookie is asked for.
 */
final class Pressroom_Visitor implements ArrayAccess, IteratorAggregate, Countable {

	/** The cookie of a render that shall find every cookie. */
	const ANY = 'pressroom_any_cookie';

	/** WordPress's own, and those that nginx takes for a person's: whoever has one gets no stored page, or no other one. */
	const KNOWN = '/^(?:wordpress_|wp-settings-|wp-postpass_|wp-saving-post|wp_lang$|comment_author_|woocommerce_|wp_woocommerce_|PHPSESSID$)/';

	/** A value that is likely to make a difference, by the cookie's name. */
	const VALUES = array(
		'/lang|locale|pll_/i'         => 'de',
		'/currency/i'                 => 'EUR',
		'/country|region|geo/i'       => 'DE',
		'/dark|theme|scheme|skin/i'   => 'dark',
		'/consent|accept|agree|gdpr/i' => 'yes',
	);

	/** @var array shortcodes and foreign blocks that the page was made with */
	private static $parts = array();

	/** @var string|null what was asked of the visitor that makes the page theirs alone */
	private static $asked = null;

	/** @var array cookie => who asked for it */
	private static $cookies = array();

	public static function start() {
		add_filter( 'wp_is_mobile', array( __CLASS__, 'on_mobile' ), PHP_INT_MAX );
		add_filter( 'do_shortcode_tag', array( __CLASS__, 'on_shortcode' ), PHP_INT_MAX, 2 );
		add_filter( 'render_block', array( __CLASS__, 'on_block' ), PHP_INT_MAX, 2 );
		if ( isset( $_COOKIE[ self::ANY ] ) ) {
			$_COOKIE = new self();
			add_action( 'sanitize_comment_cookies', array( __CLASS__, 'again' ), 0 ); // WordPress has made it an array.
		}
	}

	public static function again() {
		$_COOKIE = new self();
	}

	public static function on_mobile( $is ) {
		self::$asked = 'it asks what device the visitor has: wp_is_mobile() in ' . self::asker();
		return $is;
	}

	public static function on_shortcode( $text, $tag = '' ) {
		self::$parts[ "[$tag]" ] = true;
		return $text;
	}

	public static function on_block( $text, $block = array() ) {
		$name = isset( $block['blockName'] ) ? (string) $block['blockName'] : '';
		if ( $name !== '' && strpos( $name, 'core/' ) !== 0 ) {
			self::$parts[ $name ] = true;
		}
		return $text;
	}

	/** For the record. */
	public static function all() {
		return array(
			'view'    => self::view(),
			'varies'  => self::$asked,
			'cookies' => self::$cookies,
		);
	}

	/**
	 * What kind of page this is, so that pages of one view are made by the same code: what WordPress asked itself, and with
	 * which plugins and theme.
	 */
	private static function view() {
		$query = isset( $GLOBALS['wp_query'] ) ? $GLOBALS['wp_query'] : null;
		$is    = array();
		foreach ( $query ? get_object_vars( $query ) : array() as $name => $value ) {
			if ( $value === true && strpos( $name, 'is_' ) === 0 ) {
				$is[] = substr( $name, 3 );
			}
		}
		$object = $query ? $query->queried_object : null;
		if ( $object instanceof WP_Post ) {
			$is[] = "type=$object->post_type";
			$is[] = 'template=' . get_page_template_slug( $object );
		}
		$code = array( get_option( 'active_plugins' ), get_option( 'stylesheet' ), get_option( 'page_on_front' ) );
		ksort( self::$parts );
		$all = implode( ' ', array_merge( $is, array_keys( self::$parts ) ) );
		return substr( md5( serialize( $code ) . $all ), 0, 12 ) . ' ' . substr( preg_replace( '/[^\x20-\x7e]/', '?', $all ), 0, 180 );
	}

	/** The plugin or theme whose code runs, as a path below wp-content. */
	private static function asker() {
		foreach ( debug_backtrace( DEBUG_BACKTRACE_IGNORE_ARGS, 24 ) as $frame ) {
			$file = isset( $frame['file'] ) ? wp_normalize_path( $frame['file'] ) : '';
			if ( preg_match( '#/wp-content/((?:(?:mu-)?plugins|themes)/[^/]+)#', $file, $match ) ) {
				return $match[1];
			}
		}
		return 'WordPress';
	}

	// -- $_COOKIE, in a probe ------------------------------------------------------------------------------

	#[\ReturnTypeWillChange]
	public function offsetExists( $name ) {
		if ( preg_match( self::KNOWN, (string) $name ) ) {
			return false;
		}
		if ( count( self::$cookies ) < 20 ) {
			self::$cookies[ substr( preg_replace( '/[^\x20-\x7e]/', '?', (string) $name ), 0, 60 ) ] = self::asker();
		}
		return true;
	}

	#[\ReturnTypeWillChange]
	public function offsetGet( $name ) {
		if ( ! $this->offsetExists( $name ) ) {
			return null;
		}
		foreach ( self::VALUES as $pattern => $value ) {
			if ( preg_match( $pattern, (string) $name ) ) {
				return $value;
			}
		}
		return '1';
	}

	#[\ReturnTypeWillChange]
	public function offsetSet( $name, $value ) {}

	#[\ReturnTypeWillChange]
	public function offsetUnset( $name ) {}

	#[\ReturnTypeWillChange]
	public function getIterator() {
		return new ArrayIterator( array( 'a_cookie' => '1' ) );
	}

	#[\ReturnTypeWillChange]
	public function count() {
		return 1;
	}
}
