<?php
/**
 * In a render: what is used of the terms that are taken from WordPress's object cache (Pressroom_Lookups).
 *
 * The one thing that matters is how many posts a term has: it changes with each article, and few pages show it. As with
 * posts it is seen who takes a term; whoever is not known below, or hooks in where WordPress hands it on, depends on it all.
 */
final class Pressroom_Term_Lookups {

	/** What is used of a term: its number, all but how many posts it has, or all of it => columns of both its tables. */
	const NUMBER        = 0;
	const ALL_BUT_COUNT = 1;
	const WHOLE         = 2;
	const COLUMNS       = array(
		self::NUMBER        => array( array( 'term_id' ), array( 'taxonomy', 'term_id' ) ),
		self::ALL_BUT_COUNT => array( array( 'name', 'slug', 'term_group', 'term_id' ), array( 'description', 'parent', 'taxonomy', 'term_id', 'term_taxonomy_id' ) ),
		self::WHOLE         => array( array( 'name', 'slug', 'term_group', 'term_id' ), array( 'count', 'description', 'parent', 'taxonomy', 'term_id', 'term_taxonomy_id' ) ),
	);

	/** Functions of WordPress (5.9 to 7.2) that take a post's terms, and use all but how many posts a term has. */
	const READERS = array(
		'get_the_term_list',
		'get_post_class',
		'get_post_format',
		'render_block_core_post_terms',
		'render_block_core_template_part',
		'_build_block_template_result_from_post',
	);

	/** The same, of those that take them by get_the_category(). */
	const CATEGORY_READERS = array( 'get_the_category_list', 'get_the_category_rss' );

	/** Those that keep of terms their numbers alone, for later; whoever asks then is seen. */
	const NUMBER_READERS = array( 'update_object_term_cache', 'wp_queue_posts_for_term_meta_lazyload' );

	/** Those that take one by its number, for a link to it. */
	const LINK_READERS = array( 'get_term_link', 'get_ancestors' );

	/** How get_terms() takes them. */
	const BY_QUERY = array( 'WP_Term_Query::populate_terms', 'WP_Term_Query::get_terms', 'WP_Term_Query::query', 'get_terms' );

	/** Hooks by which links and lists hand a term on, behind something else. */
	const BEHIND = array( 'pre_term_link', 'term_link', 'list_cats', 'category_description', 'category_list_link_attributes', 'category_css_class' );

	/** WordPress's own functions at these hooks, which look at no term's number of posts. */
	const OWN_HOOKS = array( '_post_format_get_term', '_post_format_get_terms', '_post_format_wp_get_object_terms', '_post_format_link' );

	/** @var array table of terms => table of taxonomies => number => what is used of it */
	private static $read = array();

	/** Somebody takes this term from the cache. */
	public static function note( Pressroom_Lookups $cache, $id ) {
		$read = &self::$read[ $GLOBALS['wpdb']->terms ][ $GLOBALS['wpdb']->term_taxonomy ];
		if ( ( $read[ $id ] ?? null ) !== self::WHOLE ) {
			$used = self::used( $cache->loaded( $id, 'terms' ), debug_backtrace( DEBUG_BACKTRACE_IGNORE_ARGS | DEBUG_BACKTRACE_PROVIDE_OBJECT, 14 ) );
			if ( $used !== null ) {
				$read[ $id ] = max( $used, $read[ $id ] ?? self::NUMBER );
			}
		}
	}

	/**
	 * What of the term they may use who called note(): Pressroom_Lookups::get(), wp_cache_get(), WP_Term::get_instance(),
	 * get_term() and they; null if it was only looked whether it is loaded.
	 */
	private static function used( $term, array $frames ) {
		$names = array(); // Of the first ones alone: there are hundreds of calls a page.
		for ( $number = 2; $number < 9; $number++ ) {
			$names[ $number ] = self::name( $frames, $number );
		}
		if ( $names[4] === '_get_non_cached_ids' ) {
			return null;
		}
		if ( $names[2] !== 'wp_cache_get' || $names[3] !== 'WP_Term::get_instance' || $names[4] !== 'get_term' ) {
			return self::WHOLE;
		}
		$query = array_slice( $names, 3, 4 ) === self::BY_QUERY && isset( $frames[5]['object'] ) ? $frames[5]['object']->query_vars : null;
		if ( $query !== null && ( ! empty( $query['pad_counts'] ) || ! empty( $query['hide_empty'] ) && ! empty( $query['hierarchical'] ) ) ) {
			return self::WHOLE; // WordPress itself looks at the number of posts.
		}
		$hooks = array( 'get_term', 'get_terms' );
		foreach ( is_object( $term ) ? array( $term->taxonomy ) : array_keys( $GLOBALS['wp_taxonomies'] ) as $kind ) {
			$hooks[] = "get_$kind";
		}
		$is_list = $query !== null && self::name( $frames, 9 ) === 'get_categories' && self::name( $frames, 10 ) === 'wp_list_categories'
			&& empty( $query['show_count'] ) && empty( $query['walker'] );
		if ( $is_list || in_array( $names[5], self::LINK_READERS, true ) ) {
			return self::is_seen_by_hooks( $hooks, self::BEHIND ) ? self::WHOLE : self::ALL_BUT_COUNT;
		}
		$at = $query === null ? 5 : 9;
		if ( self::name( $frames, $at ) !== ( $query === null ? 'get_object_term_cache' : 'wp_get_object_terms' ) ) {
			return self::WHOLE;
		}
		$hooks = array_merge( $hooks, array( 'get_object_terms', 'wp_get_object_terms' ) );
		$taker = self::name( $frames, $at + 1 );
		if ( in_array( $taker, self::NUMBER_READERS, true ) ) {
			return self::is_seen_by_hooks( $hooks, array() ) ? self::WHOLE : self::NUMBER;
		}
		$is_known = $taker === 'is_object_in_term';
		if ( $taker === 'get_the_terms' ) {
			$hooks[]  = 'get_the_terms';
			$reader   = self::name( $frames, $at + 2 );
			$is_known = in_array( $reader, self::READERS, true );
			if ( $reader === 'get_the_category' ) {
				array_push( $hooks, 'get_the_categories', 'the_category_list' );
				$is_known = in_array( self::name( $frames, $at + 3 ), self::CATEGORY_READERS, true );
			}
		}
		return $is_known && ! self::is_seen_by_hooks( $hooks, self::BEHIND ) ? self::ALL_BUT_COUNT : self::WHOLE;
	}

	/** Of a function, with its class; '' where the stack ends. */
	private static function name( array $frames, $number ) {
		$frame = $frames[ $number ] ?? null;
		return $frame === null ? '' : ( isset( $frame['class'] ) ? $frame['class'] . '::' : '' ) . $frame['function'];
	}

	/** Whether a plugin or theme gets to see a term by one of the hooks; of those `$behind` something else, if it takes both. */
	private static function is_seen_by_hooks( array $hooks, array $behind ) {
		$known = $GLOBALS['wp_filter'];
		if ( isset( $known['all'] ) ) {
			return true;
		}
		foreach ( array( 1 => $hooks, 2 => $behind ) as $fewest => $names ) {
			foreach ( $names as $hook ) {
				foreach ( isset( $known[ $hook ] ) ? $known[ $hook ]->callbacks : array() as $callbacks ) {
					foreach ( $callbacks as $callback ) {
						if ( $callback['accepted_args'] >= $fewest && ! in_array( $callback['function'], self::OWN_HOOKS, true ) ) {
							return true;
						}
					}
				}
			}
		}
		return false;
	}

	/** For the record, as Pressroom_Lookups::all(). */
	public static function all() {
		$all = array();
		foreach ( self::$read as $table => $kinds ) {
			$is_here = $table === $GLOBALS['wpdb']->terms; // Another blog's are not at hand.
			foreach ( $kinds as $kinds_table => $terms ) {
				foreach ( $terms as $id => $used ) {
					foreach ( array_combine( array( $table, $kinds_table ), self::COLUMNS[ $used ] ) as $name => $columns ) {
						$all[ $name ]['term_id'][ implode( ', ', $columns ) ][ $id ] = $is_here ? Pressroom_Lookups::digest( $id, 'terms', $columns ) : '';
					}
				}
			}
		}
		return $all;
	}
}
