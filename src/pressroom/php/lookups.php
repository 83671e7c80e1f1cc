<?php
/**
 * In a render: what is taken from WordPress's own object cache: which columns of which posts, what of which terms
 * (Pressroom_Term_Lookups), and the list of all options.
 *
 * WordPress loads whole rows, for menus, widgets and links too, which show titles alone; as statements they would let each
 * edit of a text take out every page that names the article, and each new article every page that names its category, whose
 * row holds how many there are. Posts and terms are taken from WordPress's own object cache by their number, and it is seen
 * there who asks. Whoever is not known below gets, and depends on, the whole row.
 */
final class Pressroom_Lookups extends WP_Object_Cache {

	const LINK  = array( 'post_date', 'post_name', 'post_parent', 'post_status', 'post_type' );
	const TITLE = array( 'post_password', 'post_status', 'post_title' );
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
		'get_adjacent_post'       => array( 'post_date', 'post_name', 'post_parent', 'post_password', 'post_status', 'post_title', 'post_type' ),
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

	/** @var array table => number => column => true; '*' for the whole row */
	private static $read = array();

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
			Pressroom_Term_Lookups::note( $this, (int) $key );
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
		if ( $names[5] === 'array_map' && isset( $frames[6]['object'] ) && Pressroom_Lists::is_unused( $frames[6]['object'] ) ) {
			return array();
		}
		if ( $names[5] === 'array_map' && $names[6] === 'get_pages' && Pressroom_Lists::is_page_list() ) {
			return Pressroom_Lists::PAGE;
		}
		$is_kept = $names[5] !== 'get_adjacent_post' || $names[6] === 'get_adjacent_post_link' && ! isset( $frames[6]['class'] );
		$columns = $is_kept && ! $this->is_handed_on( $names[5], $id ) ? self::READERS[ $names[5] ] ?? array( '*' ) : array( '*' );
		return in_array( 'post_name', $columns, true ) && self::links_name_authors() ? array_merge( $columns, array( 'post_author' ) ) : $columns;
	}

	private static function links_name_authors() {
		return isset( $GLOBALS['wp_filter']['pre_post_link'] ) || strpos( $GLOBALS['wp_rewrite']->permalink_structure ?? '', '%author%' ) !== false;
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
		$all = Pressroom_Term_Lookups::all();
		foreach ( self::$read as $table => $posts ) {
			foreach ( $posts as $id => $columns ) {
				if ( ! $columns ) {
					continue; // It was only looked whether the row has been loaded.
				}
				$columns = isset( $columns['*'] ) ? array( '*' ) : array_keys( $columns );
				sort( $columns );
				$is_here = $table === $GLOBALS['wpdb']->posts; // Another blog's is not at hand.
				$all[ $table ]['ID'][ implode( ', ', $columns ) ][ $id ] = $is_here ? self::digest( $id, 'posts', $columns ) : '';
			}
		}
		return $all;
	}

	/** Of these columns of what the cache holds; '' where it holds nothing. */
	public static function digest( $id, $group, array $columns ) {
		$cache  = $GLOBALS['wp_object_cache'];
		$loaded = $cache instanceof self ? $cache->loaded( $id, $group ) : false;
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
