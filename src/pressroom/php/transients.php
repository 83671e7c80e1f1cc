<?php
/**
 * Transients: what a plugin keeps for a while. Their rows are read as options; beyond their end nothing changes in the
 * database, so a page that shows one is right up to that end.
 */
final class Pressroom_Transients {

	const TIMEOUT = '/^_(?:site_)?transient_timeout_(.+)$/s';

	/**
	 * What WordPress keeps of its own files and of rows that are read anyway: for a minute or half an hour, or (whether
	 * there is more than one author) until any article is published. In a render it is made anew: else a page would
	 * be made from what was right before the change, or go with what is thrown away at each.
	 */
	const OWN_CACHES = '/^_((?:site_)?transient_)(?:timeout_)?((?:global_styles_|wp_theme_files_patterns-).*|is_multi_author)$/s';

	/** @var array options that were asked for before */
	private static $looked_at = array();

	public static function start() {
		add_action( 'added_option', array( __CLASS__, 'on_added' ), PHP_INT_MAX, 2 );
		add_action( 'updated_option', array( __CLASS__, 'on_updated' ), PHP_INT_MAX, 3 );
		add_filter( 'pre_update_option', array( __CLASS__, 'on_update' ), PHP_INT_MAX, 3 );
	}

	public static function is_own_cache( $option ) {
		return (bool) preg_match( self::OWN_CACHES, (string) $option );
	}

	/** An option is asked for: be there when its value comes. */
	public static function on_option( $option ) {
		if ( isset( self::$looked_at[ $option ] ) ) {
			return;
		}
		self::$looked_at[ $option ] = true;
		if ( preg_match( self::OWN_CACHES, (string) $option, $name ) ) {
			add_filter( $name[1] . $name[2], '__return_false', PHP_INT_MAX );
		} elseif ( preg_match( self::TIMEOUT, (string) $option ) ) {
			add_filter( "option_{$option}", array( __CLASS__, 'on_timeout' ), PHP_INT_MAX, 2 );
		}
	}

	/** One that has ended already is not shown. */
	public static function on_timeout( $time, $option = '' ) {
		if ( is_numeric( $time ) && (int) $time > time() && preg_match( self::TIMEOUT, (string) $option, $name )
			&& ! in_array( $option, Pressroom_Reads::SCHEDULES, true ) ) {
			Pressroom_Clock::ends_at( (int) $time, 'the transient ' . substr( $name[1], 0, 100 ) );
		}
		return $time;
	}

	/** The render itself has made one. */
	public static function on_added( $option, $value = null ) {
		if ( ! self::is_own_cache( $option ) ) {
			self::on_timeout( $value, $option );
		}
	}

	public static function on_updated( $option, $old = null, $value = null ) {
		self::on_added( $option, $value );
	}

	/** What is made anew at each render is not written at each render. */
	public static function on_update( $value, $option = '', $old = null ) {
		return self::is_own_cache( $option ) ? $old : $value;
	}
}
