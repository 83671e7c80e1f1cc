<?php
/**
 * In a render: lists that WordPress loads whole and shows less of. Their statements are noted as others that give what counts.
 */
final class Pressroom_Lists {

	/** The query for a list of articles. */
	const ARTICLES = '/^\s*SELECT\s+SQL_CALC_FOUND_ROWS\s+\S+posts\.(?:ID|\*)\s+FROM\s(.+)\sORDER BY\s.+\sLIMIT\s+\d+,\s*\d+\s*$/s';

	/** How get_pages() asks, up to WordPress 6.2. */
	const PAGES = '/^SELECT \* (FROM \S+posts\s+WHERE \(.+)$/s';

	/** What the block that lists pages takes of them. */
	const PAGE = array( 'ID', 'menu_order', 'post_name', 'post_parent', 'post_status', 'post_title', 'post_type' );

	/** The statement to be noted for this one, and its columns: null if it is the same, none if it tells whether there are any. */
	public static function noted( $query ) {
		return self::any_of_unused( $query ) ?? self::pages( $query ) ?? array( $query, null );
	}

	/** What that statement gives, by what the one that was sent gave. */
	public static function narrowed( array $rows, array $columns ) {
		if ( ! $columns ) {
			return $rows ? array( (object) array( '1' => '1' ) ) : array();
		}
		$narrow = array();
		foreach ( $rows as $row ) {
			$narrow[] = (object) array_merge( array_flip( $columns ), array_intersect_key( get_object_vars( $row ), array_flip( $columns ) ) );
		}
		return $narrow;
	}

	private static function any_of_unused( $query ) {
		if ( ! self::shows_no_articles( $GLOBALS['wp_query'] ?? null ) || ! preg_match( self::ARTICLES, $query, $match ) ) {
			return null;
		}
		foreach ( debug_backtrace( DEBUG_BACKTRACE_IGNORE_ARGS | DEBUG_BACKTRACE_PROVIDE_OBJECT, 10 ) as $frame ) {
			if ( $frame['function'] === 'get_posts' && isset( $frame['object'] ) ) {
				return self::is_unused( $frame['object'] ) ? array( "SELECT 1 FROM $match[1] LIMIT 1", array() ) : null;
			}
		}
		return null;
	}

	private static function pages( $query ) {
		$is_seen = class_exists( 'Pressroom_Lookups', false ) && Pressroom_Lookups::watches(); // who else takes a page of these
		if ( ! $is_seen || ! preg_match( self::PAGES, $query, $match ) || ! self::is_page_list() ) {
			return null;
		}
		return array( 'SELECT ' . implode( ', ', self::PAGE ) . " $match[1]", self::PAGE );
	}

	/** Whether get_pages() is asked by the block that lists pages, and nobody else gets to see them. */
	public static function is_page_list() {
		return ! has_filter( 'get_pages' ) && ! has_filter( 'all' )
			&& Pressroom_Reads::caller_of( 'get_pages', array( 'render_block_core_page_list' ) ) !== false;
	}

	/**
	 * Whether these are the articles that WordPress looks for even if it is asked for robots.txt or a sitemap, and shows
	 * nothing of. That there are any counts: none would be "not found".
	 */
	public static function is_unused( $query ) {
		return self::shows_no_articles( $query ) && $query->is_main_query()
			&& ! has_filter( 'posts_results' ) && count( $GLOBALS['wp_filter']['the_posts']->callbacks[10] ?? array() ) < 2
			&& count( $GLOBALS['wp_filter']['the_posts']->callbacks ?? array() ) < 2; // WordPress's own: _close_comments_for_old_posts
	}

	private static function shows_no_articles( $query ) {
		return $query instanceof WP_Query
			&& ( $query->is_robots || ! empty( $query->query_vars['sitemap'] ) || ! empty( $query->query_vars['sitemap-stylesheet'] ) );
	}
}
