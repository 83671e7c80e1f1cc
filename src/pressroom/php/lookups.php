<?php
/**
 * In a render: what is taken from WordPress's own object cache: which columns of which posts and terms, and the list of all
 * options.
 *
 * WordPress loads whole rows, for menus, widgets and links too, which show titles alone; as statements they would let each
 * edit of a text take out every page that names the article, and each new article every page that names its category, whose
 * row holds how many there are. Posts and terms are taken from WordPress's own object cache by their number, and it is seen
 * there who asks. Whoever is not known below gets, and depends on, the whole row.
 */
final class Pressroom_Lookups extends WP_Object_Cache {

	const LINK  = array( 'post_author', 'post_date', 'post_name', 'post_parent', 'post_status', 'post_type' );
	const TITLE = array( 'post_password', 'post_status', 'post_title' );
	const PAGE  = array( 'ID', 'menu_order', 'post_name', 'post_parent', 'post_status', 'post_title', 'post_type' );
	const DATE  = array( 'post_date', 'post_date_gmt' );

	/** Functions of WordPress (5.9 to 7.2) that take a post by its number and keep it to themselves => the columns they use. */
	const READERS = array(
		'get_permalink'           => self::LINK,
		'get_page_link'           => self::LINK,
		'_get_page_link'          => self::LINK,
		'get_post_permalink'      => self::LINK,
		'get_attachment_link'     => self::LINK,
		'get_page_uri'            => self::LINK,
		'get_post_ancestors'      => array( 'post_parent' ),
		'get_the_title'           => self::TITLE,
		'wp_setup_nav_menu_item'  => self::TITLE,
		'get_post_status'         => array( 'post_parent', 'post_status', 'post_type' ),
		'get_post_type'           => array( 'post_type' ),
		'get_post_format'         => array( 'post_type' ),
		'get_the_terms'           => array( 'ID' ),
		'get_post_thumbnail_id'   => array( 'ID' ),
		'get_page_template_slug'  => array( 'ID' ),
		'get_post_class'          => array( 'post_password', 'post_status', 'post_type' ),
		'post_password_required'  => array( 'post_password' ),
		'comments_open'           => array( 'comment_status' ),
		'pings_open'              => array( 'ping_status' ),
		'get_comments_number'     => array( 'comment_count' ),
		'get_comment_class'       => array( 'post_author' ),
		'get_the_date'            => self::DATE,
		'get_the_time'            => self::DATE,
		'get_post_time'           => self::DATE,
		'get_the_guid'            => array( 'guid' ),
		'wp_get_attachment_url'   => array( 'post_type' ),
		'wp_get_attachment_image' => array( 'ID' ),
		'wp_attachment_is'        => array( 'post_mime_type' ),
		// Called by get_adjacent_post_link() alone: from elsewhere it hands the post to whoever asked.
		'get_adjacent_post'       => array( 'post_author', 'post_date', 'post_name', 'post_parent', 'post_password', 'post_status', 'post_title', 'post_type' ),
	);

	/** Hooks by which these hand the post on to plugins and themes; what makes links, by link_hooks(). */
	const HANDED_ON = array(
		'get_the_title'           => array( 'protected_title_format', 'private_title_format' ),
		'wp_setup_nav_menu_item'  => array( 'display_post_states' ),
		'get_post_status'         => array( 'get_post_status' ),
		'get_post_thumbnail_id'   => array( 'post_thumbnail_id' ),
		'post_password_required'  => array( 'post_password_required' ),
		'get_the_date'            => array( 'get_the_date' ),
		'get_the_time'            => array( 'get_the_time' ),
		'wp_get_attachment_image' => array( 'wp_get_attachment_image_attributes' ),
		'get_adjacent_post'       => array( 'previous_post_link', 'next_post_link' ),
	);

	/** Functions of WordPress (5.9 to 7.2) that take a post's terms, and use all but how many posts a term has => hooks of theirs that hand the terms on. */
	const TERM_READERS = array(
		'get_the_term_list'                       => array(),
		'get_post_class'                          => array(),
		'get_post_format'                         => array(),
		'render_block_core_post_terms'            => array(),
		'render_block_core_template_part'         => array(),
		'_build_block_template_result_from_post' => array(),
	);

	/** The same, of those that take them by get_the_category(). */
	const CATEGORY_READERS = array(
		'get_the_category_list' => array( 'the_category_list' ),
		'get_the_category_rss'  => array(),
	);

	/** Those that keep of terms their numbers alone, for later; whoever asks then is seen. */
	const NUMBER_READERS = array( 'update_object_term_cache', 'wp_queue_posts_for_term_meta_lazyload' );

	/** Those that take one by its number, for a link to it. */
	const LINK_READERS = array( 'get_term_link', 'get_ancestors' );

	/** How get_terms() takes them. */
	const BY_QUERY = array( 'WP_Term_Query::populate_terms', 'WP_Term_Query::get_terms', 'WP_Term_Query::query', 'get_terms' );

	/** Hooks by which links and lists hand a term on, behind something else. */
	const TERM_BEHIND = array( 'pre_term_link', 'term_link', 'list_cats', 'category_description', 'category_list_link_attributes', 'category_css_class' );

	/** WordPress's own functions at these hooks, which look at no term's number of posts. */
	const TERM_HOOKS = array( '_post_format_get_term', '_post_format_get_terms', '_post_format_wp_get_object_terms', '_post_format_link' );

	/** What is used of a term: its number, all but how many posts it has, or all of it => columns of both its tables. */
	const NUMBER        = 0;
	const ALL_BUT_COUNT = 1;
	const WHOLE         = 2;
	const TERM_COLUMNS  = array(
		self::NUMBER        => array( array( 'term_id' ), array( 'taxonomy', 'term_id' ) ),
		self::ALL_BUT_COUNT => array( array( 'name', 'slug', 'term_group', 'term_id' ), array( 'description', 'parent', 'taxonomy', 'term_id', 'term_taxonomy_id' ) ),
		self::WHOLE         => array( array( 'name', 'slug', 'term_group', 'term_id' ), array( 'count', 'description', 'parent', 'taxonomy', 'term_id', 'term_taxonomy_id' ) ),
	);

	/** @var array table => number => column => true; '*' for the whole row */
	private static $read = array();

	/** @var array table of terms => table of taxonomies => number => what is used of it */
	private static $terms = array();

	/** @var bool whether posts are watched in this render */
	private static $watches = false;

	/** From now on, if the cache is WordPress's own; whether it is. */
	public static function watch() {
		if ( get_class( $GLOBALS['wp_object_cache'] ) === WP_Object_Cache::class ) {
			$GLOBALS['wp_object_cache'] = new self( $GLOBALS['wp_object_cache'] );
			self::$watches              = true;
		}
		return self::$watches;
	}

	public static function watches() {
		return self::$watches;
	}

	public function __construct( WP_Object_Cache $before ) {
		parent::__construct();
		foreach ( array( 'cache', 'global_groups', 'blog_prefix' ) as $name ) {
			$this->$name = $before->$name; // WordPress lets its private properties be read and written.
		}
	}

	public function get( $key, $group = 'default', $force = false, &$found = null ) {
		if ( $group === 'posts' && is_numeric( $key ) ) {
			$this->note( (int) $key );
		} elseif ( $group === 'terms' && is_numeric( $key ) ) {
			$this->note_term( (int) $key );
		} elseif ( $key === 'alloptions' && $group === 'options' ) {
			Pressroom_Reads::on_all_options();
		}
		return parent::get( $key, $group, $force, $found );
	}

	/** What is there, without being noted. */
	public function loaded( $key, $group ) {
		return parent::get( $key, $group );
	}

	private function note( $id ) {
		$read = &self::$read[ $GLOBALS['wpdb']->posts ][ $id ];
		if ( isset( $read['*'] ) ) {
			return;
		}
		$columns = $this->columns( $id, debug_backtrace( DEBUG_BACKTRACE_IGNORE_ARGS | DEBUG_BACKTRACE_PROVIDE_OBJECT, 7 ) );
		foreach ( $columns as $column ) {
			$read[ $column ] = true;
		}
	}

	private function note_term( $id ) {
		$read = &self::$terms[ $GLOBALS['wpdb']->terms ][ $GLOBALS['wpdb']->term_taxonomy ];
		if ( ( $read[ $id ] ?? null ) !== self::WHOLE ) {
			$used = $this->used_of_term( $id, debug_backtrace( DEBUG_BACKTRACE_IGNORE_ARGS | DEBUG_BACKTRACE_PROVIDE_OBJECT, 14 ) );
			if ( $used !== null ) {
				$read[ $id ] = max( $used, $read[ $id ] ?? self::NUMBER );
			}
		}
	}

	/** What whoever called note_term() may use of the term; null if it was only looked whether it is loaded. */
	private function used_of_term( $id, array $frames ) {
		$names = array();
		foreach ( $frames as $frame ) {
			$names[] = ( isset( $frame['class'] ) ? $frame['class'] . '::' : '' ) . $frame['function'];
		}
		$names += array_fill( 0, 14, '' );
		if ( $names[4] === '_get_non_cached_ids' ) {
			return null;
		}
		if ( $names[2] !== 'wp_cache_get' || $names[3] !== 'WP_Term::get_instance' || $names[4] !== 'get_term' ) {
			return self::WHOLE;
		}
		$query = array_slice( $names, 5, 4 ) === self::BY_QUERY && isset( $frames[5]['object'] ) ? $frames[5]['object']->query_vars : null;
		if ( $query !== null && ( ! empty( $query['pad_counts'] ) || ! empty( $query['hide_empty'] ) && ! empty( $query['hierarchical'] ) ) ) {
			return self::WHOLE; // WordPress itself looks at the number of posts.
		}
		$hooks = array( 'get_term', 'get_terms' );
		$term  = $this->loaded( $id, 'terms' );
		foreach ( is_object( $term ) ? array( $term->taxonomy ) : array_keys( $GLOBALS['wp_taxonomies'] ) as $kind ) {
			$hooks[] = "get_$kind";
		}
		$is_list = $query !== null && $names[9] === 'get_categories' && $names[10] === 'wp_list_categories'
			&& empty( $query['show_count'] ) && empty( $query['walker'] );
		if ( $is_list || in_array( $names[5], self::LINK_READERS, true ) ) {
			return self::is_seen_by_hooks( $hooks, self::TERM_BEHIND ) ? self::WHOLE : self::ALL_BUT_COUNT;
		}
		$at = $query === null ? 5 : 9;
		if ( $names[ $at ] !== ( $query === null ? 'get_object_term_cache' : 'wp_get_object_terms' ) ) {
			return self::WHOLE;
		}
		$hooks = array_merge( $hooks, array( 'get_object_terms', 'wp_get_object_terms' ) );
		$taker = $names[ $at + 1 ];
		if ( in_array( $taker, self::NUMBER_READERS, true ) ) {
			return self::is_seen_by_hooks( $hooks, array() ) ? self::WHOLE : self::NUMBER;
		}
		$readers = array( 'is_object_in_term' => array() );
		if ( $taker === 'get_the_terms' ) {
			$hooks[] = 'get_the_terms';
			$taker   = $names[ $at + 2 ];
			$readers = self::TERM_READERS;
			if ( $taker === 'get_the_category' ) {
				$hooks[] = 'get_the_categories';
				$taker   = $names[ $at + 3 ];
				$readers = self::CATEGORY_READERS;
			}
		}
		$hooks = array_merge( $hooks, $readers[ $taker ] ?? array() );
		return isset( $readers[ $taker ] ) && ! self::is_seen_by_hooks( $hooks, self::TERM_BEHIND ) ? self::ALL_BUT_COUNT : self::WHOLE;
	}

	/** Whether a plugin or theme gets to see a term by one of the hooks; of those `$behind` something else, if it takes both. */
	private static function is_seen_by_hooks( array $hooks, array $behind ) {
		if ( isset( $GLOBALS['wp_filter']['all'] ) ) {
			return true;
		}
		foreach ( array_merge( $hooks, $behind ) as $number => $hook ) {
			$fewest = $number < count( $hooks ) ? 1 : 2;
			foreach ( $GLOBALS['wp_filter'][ $hook ]->callbacks ?? array() as $callbacks ) {
				foreach ( $callbacks as $callback ) {
					if ( $callback['accepted_args'] >= $fewest && ! in_array( $callback['function'], self::TERM_HOOKS, true ) ) {
						return true;
					}
				}
			}
		}
		return false;
	}

	/** What they use who called note(): get(), wp_cache_get(), WP_Post::get_instance(), get_post() and they. */
	private function columns( $id, array $frames ) {
		$names = array();
		foreach ( $frames as $frame ) {
			$names[] = $frame['function'];
		}
		$names += array( '', '', '', '', '', '', '' );
		if ( $names[2] === 'get_multiple' && $names[4] === '_get_non_cached_ids' ) {
			return array();
		}
		if ( $names[2] !== 'wp_cache_get' || $names[3] !== 'get_instance' || $names[4] !== 'get_post' || isset( $frames[5]['class'] ) ) {
			return array( '*' );
		}
		if ( $names[5] === 'array_map' && isset( $frames[6]['object'] ) && self::is_unused( $frames[6]['object'] ) ) {
			return array();
		}
		if ( $names[5] === 'array_map' && $names[6] === 'get_pages' && self::is_page_list() ) {
			return self::PAGE;
		}
		$is_kept = $names[5] !== 'get_adjacent_post' || $names[6] === 'get_adjacent_post_link' && ! isset( $frames[6]['class'] );
		return $is_kept && ! $this->is_handed_on( $names[5], $id ) ? self::READERS[ $names[5] ] ?? array( '*' ) : array( '*' );
	}

	/** Whether get_pages() is asked by the block that lists pages, and by no one else. */
	private static function is_page_list() {
		foreach ( debug_backtrace( DEBUG_BACKTRACE_IGNORE_ARGS, 12 ) as $frame ) {
			if ( isset( $is_next ) ) {
				return $frame['function'] === 'render_block_core_page_list' && ! isset( $frame['class'] ) && ! has_filter( 'get_pages' );
			}
			$is_next = $frame['function'] === 'get_pages' ? true : null;
		}
		return false;
	}

	/**
	 * Whether these are the articles that WordPress looks for even if it is asked for robots.txt or a sitemap, and shows
	 * nothing of. That there are any counts, and is noted by their query: none would be "not found".
	 */
	public static function is_unused( $query ) {
		return $query instanceof WP_Query && $query->is_main_query()
			&& ( $query->is_robots || ! empty( $query->query_vars['sitemap'] ) || ! empty( $query->query_vars['sitemap-stylesheet'] ) )
			&& ! has_filter( 'posts_results' ) && count( $GLOBALS['wp_filter']['the_posts']->callbacks[10] ?? array() ) < 2
			&& count( $GLOBALS['wp_filter']['the_posts']->callbacks ?? array() ) < 2; // WordPress's own: _close_comments_for_old_posts
	}

	/** Whether a plugin or theme gets to see what that function has taken. */
	private function is_handed_on( $reader, $id ) {
		if ( isset( $GLOBALS['wp_filter']['all'] ) ) {
			return true;
		}
		$makes_links = $reader === 'get_adjacent_post' || ( self::READERS[ $reader ] ?? null ) === self::LINK;
		$hooks       = self::HANDED_ON[ $reader ] ?? array();
		foreach ( $makes_links ? array_merge( $hooks, $this->link_hooks( $id ) ) : $hooks as $hook ) {
			foreach ( $GLOBALS['wp_filter'][ $hook ]->callbacks ?? array() as $callbacks ) {
				if ( max( array_column( $callbacks, 'accepted_args' ) ?: array( 0 ) ) > 1 ) {
					return true;
				}
			}
		}
		return false;
	}

	/** Hooks that a link to this post comes by. Its type is one of the columns, so that another type is a change. */
	private function link_hooks( $id ) {
		$post  = $this->loaded( $id, 'posts' );
		$hooks = array(
			'post'       => array( 'get_post_status', 'pre_post_link', 'post_link' ),
			'page'       => array( 'get_post_status', 'get_page_uri' ),
			'attachment' => array( 'get_post_status', 'get_page_uri' ),
			''           => array( 'get_post_status', 'get_page_uri', 'post_type_link' ),
		);
		$found = is_object( $post ) ? $hooks[ $post->post_type ] ?? $hooks[''] : array_merge( ...array_values( $hooks ) );
		return strpos( $GLOBALS['wp_rewrite']->permalink_structure ?? '', '%category%' ) === false ? $found : array_merge( $found, array( 'post_link_category' ) );
	}

	/**
	 * For the record: table => column that holds the number => columns => number => digest of what a statement for these
	 * columns gives, '' where the row is not there.
	 */
	public static function all() {
		$all = array();
		foreach ( self::$read as $table => $posts ) {
			foreach ( $posts as $id => $columns ) {
				if ( ! $columns ) {
					continue; // It was only looked whether the row has been loaded.
				}
				$columns = isset( $columns['*'] ) ? array( '*' ) : array_keys( $columns );
				sort( $columns );
				$row = self::row( $table === $GLOBALS['wpdb']->posts, $id, 'posts' );
				$all[ $table ]['ID'][ implode( ', ', $columns ) ][ $id ] = self::digest( $row, $columns );
			}
		}
		foreach ( self::$terms as $table => $kinds ) {
			foreach ( $kinds as $kinds_table => $terms ) {
				foreach ( $terms as $id => $used ) {
					$row = self::row( $table === $GLOBALS['wpdb']->terms, $id, 'terms' );
					foreach ( array_combine( array( $table, $kinds_table ), self::TERM_COLUMNS[ $used ] ) as $name => $columns ) {
						$all[ $name ]['term_id'][ implode( ', ', $columns ) ][ $id ] = self::digest( $row, $columns );
					}
				}
			}
		}
		return $all;
	}

	private static function row( $is_of_this_blog, $id, $group ) {
		$cache = $GLOBALS['wp_object_cache'];
		return $cache instanceof self && $is_of_this_blog ? $cache->loaded( $id, $group ) : false;
	}

	private static function digest( $loaded, array $columns ) {
		if ( ! is_object( $loaded ) ) {
			return '';
		}
		$row = new stdClass();
		foreach ( $columns === array( '*' ) ? array_keys( get_object_vars( $loaded ) ) : $columns as $column ) {
			if ( $column !== 'filter' ) {
				$row->$column = (string) ( $loaded->$column ?? '' );
			}
		}
		return hash( Pressroom_Reads::DIGEST, serialize( array( $row ) ) );
	}
}
