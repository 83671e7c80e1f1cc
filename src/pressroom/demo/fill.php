<?php
/**
 * Fills a WordPress with the demo newspaper: `php fill.php CONTENT_DIR WORDPRESS_DIR` as the site's user.
 *
 * One file, so that it can be copied to where the site's user may read it. CONTENT_DIR holds content.json and
 * pictures/. All rows are written in one transaction, since each commit waits for the disk twice; a run that is
 * interrupted leaves no rows behind. Run again, it sees by an option that the content is there and does nothing.
 * Progress goes to standard error as `progress N M label`; the last line of standard output is JSON with counts.
 * Exit codes: 2 wrong call, 3 another content is there, 4 cannot be filled.
 */

declare( strict_types=1 );

if ( PHP_SAPI !== 'cli' || ! isset( $argv[2] ) ) {
	fwrite( STDERR, "fill.php: wants the content's folder and WordPress's folder\n" );
	exit( 2 );
}

ini_set( 'display_errors', 'stderr' );

const NEWSROOM_VERSION_OPTION = 'newsroom_content_version';
const NEWSROOM_PLUGIN         = 'pressroom-newsroom/pressroom-newsroom.php';
const NEWSROOM_THEME          = 'newsroom';

/** Keeps WordPress from planning pings to the articles' inner links. */
define( 'WP_IMPORTING', true );

$newsroom_folder = rtrim( $argv[1], '/' );
$newsroom_json   = is_readable( "$newsroom_folder/content.json" ) ? (string) file_get_contents( "$newsroom_folder/content.json" ) : '';
$newsroom        = json_decode( $newsroom_json, true );
if ( ! is_array( $newsroom ) || ! is_readable( $argv[2] . '/wp-load.php' ) ) {
	fwrite( STDERR, "fill.php: no content.json in {$argv[1]}, or no wp-load.php in {$argv[2]}\n" );
	exit( 2 );
}
$_SERVER['HTTP_HOST']       = $_SERVER['HTTP_HOST'] ?? 'localhost';
$_SERVER['REQUEST_URI']     = '/';
$_SERVER['REQUEST_METHOD']  = 'GET';
$_SERVER['SERVER_PROTOCOL'] = 'HTTP/1.1';

require $argv[2] . '/wp-load.php';
require_once ABSPATH . 'wp-admin/includes/admin.php';

/**
 * One line of progress.
 */
function newsroom_fill_progress( int $done, int $all, string $label ): void {
	fwrite( STDERR, "progress $done $all $label\n" );
}

/**
 * Stops with a reason; the transaction, if one is open, is undone by the connection's end.
 */
function newsroom_fill_stop( int $code, string $why ): void {
	fwrite( STDERR, "fill.php: $why\n" );
	exit( $code );
}

/**
 * The number that a WordPress function returned, or the end of the run with its error.
 *
 * @param int|WP_Error $result What it returned.
 */
function newsroom_fill_number( $result ): int {
	if ( is_wp_error( $result ) || ! $result ) {
		newsroom_fill_stop( 4, is_wp_error( $result ) ? $result->get_error_message() : 'a row could not be written' );
	}
	return (int) $result;
}

/**
 * Whether this content is there already; ends the run when it is another one.
 */
function newsroom_fill_is_filled( array $content ): bool {
	$there = get_option( NEWSROOM_VERSION_OPTION );
	if ( false !== $there && $there !== $content['version'] ) {
		newsroom_fill_stop( 3, "this site holds other demo content ($there); use a fresh site" );
	}
	return false !== $there;
}

/**
 * Refuses to begin what WordPress would not show.
 */
function newsroom_fill_check( array $content ): void {
	foreach ( $content['articles'] as $article ) {
		if ( strtotime( $article['date'] . ' UTC' ) > time() ) {
			newsroom_fill_stop( 4, "the content is dated later than this machine's clock ({$article['date']} UTC)" );
		}
	}
	if ( ! wp_get_theme( NEWSROOM_THEME )->exists() || ! file_exists( WP_PLUGIN_DIR . '/' . NEWSROOM_PLUGIN ) ) {
		newsroom_fill_stop( 4, 'the theme "newsroom" or the plugin "pressroom-newsroom" is not in wp-content' );
	}
}

/**
 * Names, addresses and habits of the site.
 */
function newsroom_fill_settings( array $content ): void {
	global $wp_rewrite;
	$options = array(
		'blogname'               => $content['title'],
		'blogdescription'        => $content['tagline'],
		'timezone_string'        => $content['timezone'],
		'date_format'            => 'j F Y',
		'time_format'            => 'H:i',
		'posts_per_page'         => 10,
		'posts_per_rss'          => 20,
		'thread_comments'        => 1,
		'thread_comments_depth'  => 3,
		'comments_notify'        => 0,
		'moderation_notify'      => 0,
		'default_ping_status'    => 'closed',
		'default_pingback_flag'  => 0,
		'show_avatars'           => 1,
		'avatar_default'         => 'blank',
		'close_comments_for_old_posts' => 0,
		'thumbnail_size_w'       => 150,
		'thumbnail_size_h'       => 150,
	);
	foreach ( $options as $name => $value ) {
		update_option( $name, $value );
	}
	$wp_rewrite->set_permalink_structure( '/%postname%/' );
	foreach ( array( 'hello-world' => 'post', 'sample-page' => 'page', 'privacy-policy' => 'page' ) as $slug => $type ) {
		$sample = get_page_by_path( $slug, OBJECT, $type );
		if ( $sample ) {
			wp_delete_post( $sample->ID, true );
		}
	}
}

/**
 * Plugin on, theme on. The theme's functions are loaded, so that its widgets and sizes are known here.
 */
function newsroom_fill_switch_on(): void {
	$failed = activate_plugin( NEWSROOM_PLUGIN, '', false, true );
	if ( is_wp_error( $failed ) ) {
		newsroom_fill_stop( 4, $failed->get_error_message() );
	}
	switch_theme( NEWSROOM_THEME );
	update_option(
		'pressroom_newsroom',
		array(
			'top_text'    => 'This report is supported by Gannet Line: two crossings a day, all winter.',
			'top_link'    => home_url( '/advertise/' ),
			'bottom_text' => 'Tern & Lathe, joiners since 1902: chairs for people who stay a while.',
			'bottom_link' => home_url( '/advertise/' ),
		) + pressroom_newsroom_defaults()
	);
}

/**
 * Sections and tags; returns term numbers by slug.
 */
function newsroom_fill_terms( array $content ): array {
	$numbers = array( 'category' => array(), 'post_tag' => array() );
	foreach ( array( 'category' => 'sections', 'post_tag' => 'tags' ) as $taxonomy => $key ) {
		foreach ( $content[ $key ] as $term ) {
			$made = wp_insert_term(
				$term['name'],
				$taxonomy,
				array( 'slug' => $term['slug'], 'description' => $term['description'] ?? '' )
			);
			$numbers[ $taxonomy ][ $term['slug'] ] = newsroom_fill_number( is_wp_error( $made ) ? $made : $made['term_id'] );
		}
	}
	update_option( 'default_category', reset( $numbers['category'] ) );
	wp_delete_term( 1, 'category' );
	return $numbers;
}

/**
 * Copies a picture and its sizes into the uploads folder and registers it with ready-made metadata.
 *
 * @param array $picture What content.json says about it.
 * @param string $date   Its date, UTC.
 * @param int $parent    The article it belongs to, or 0.
 */
function newsroom_fill_picture( string $folder, array $picture, string $date, int $parent ): int {
	$month = substr( get_date_from_gmt( $date ), 0, 7 );
	$place = wp_upload_dir( str_replace( '-', '/', $month ) );
	if ( $place['error'] ) {
		newsroom_fill_stop( 4, $place['error'] );
	}
	foreach ( array_merge( array( $picture['file'] ), array_column( $picture['sizes'] ?? array(), 'file' ) ) as $file ) {
		if ( ! copy( "$folder/pictures/$file", $place['path'] . '/' . $file ) ) {
			newsroom_fill_stop( 4, "cannot copy $file to {$place['path']}" );
		}
	}
	$relative = ltrim( $place['subdir'], '/' ) . '/' . $picture['file'];
	$number   = newsroom_fill_number(
		wp_insert_post(
			array(
				'post_type'      => 'attachment',
				'post_title'     => ucfirst( str_replace( '-', ' ', basename( $picture['file'], '.jpg' ) ) ),
				'post_name'      => 'picture-' . basename( $picture['file'], '.jpg' ),
				'post_excerpt'   => $picture['caption'] ?? '',
				'post_status'    => 'inherit',
				'post_mime_type' => 'image/jpeg',
				'post_parent'    => $parent,
				'post_date_gmt'  => $date,
				'post_date'      => get_date_from_gmt( $date ),
				'guid'           => $place['url'] . '/' . $picture['file'],
				'comment_status' => 'closed',
				'ping_status'    => 'closed',
			),
			true
		)
	);
	$sizes = array();
	foreach ( $picture['sizes'] ?? array() as $name => $size ) {
		$sizes[ $name ] = $size + array( 'mime-type' => 'image/jpeg' );
	}
	add_post_meta( $number, '_wp_attached_file', $relative, true );
	add_post_meta(
		$number,
		'_wp_attachment_metadata',
		array(
			'width'      => $picture['width'],
			'height'     => $picture['height'],
			'file'       => $relative,
			'sizes'      => $sizes,
			'image_meta' => array(),
		),
		true
	);
	add_post_meta( $number, '_wp_attachment_image_alt', wp_slash( $picture['alt'] ?? '' ), true );
	return $number;
}

/**
 * The reporters; returns user numbers by login.
 */
function newsroom_fill_authors( array $content, string $folder ): array {
	$numbers = array();
	foreach ( $content['authors'] as $author ) {
		$names  = explode( ' ', $author['name'], 2 );
		$number = newsroom_fill_number(
			wp_insert_user(
				array(
					'user_login'   => $author['login'],
					'user_pass'    => wp_generate_password( 32 ),
					'user_email'   => $author['email'],
					'display_name' => $author['name'],
					'nickname'     => $author['name'],
					'first_name'   => $names[0],
					'last_name'    => $names[1],
					'description'  => $author['bio'],
					'role'         => 'author',
				)
			)
		);
		$portrait = $author['portrait'] + array( 'alt' => $author['name'] );
		update_user_meta( $number, 'newsroom_role', $author['role'] );
		update_user_meta( $number, 'newsroom_portrait', newsroom_fill_picture( $folder, $portrait, $content['articles'][0]['date'], 0 ) );
		$numbers[ $author['login'] ] = $number;
	}
	return $numbers;
}

/**
 * Static pages, and the two that carry the front page and the list of all articles; returns numbers by slug.
 */
function newsroom_fill_pages( array $content, int $author ): array {
	$numbers = array();
	$date    = $content['articles'][0]['date'];
	$pages   = array_merge(
		$content['pages'],
		array(
			array( 'slug' => 'front-page', 'title' => 'Front page', 'content' => '' ),
			array( 'slug' => 'latest', 'title' => 'Latest news', 'content' => '' ),
		)
	);
	foreach ( $pages as $page ) {
		$numbers[ $page['slug'] ] = newsroom_fill_number(
			wp_insert_post(
				wp_slash(
					array(
						'post_type'      => 'page',
						'post_status'    => 'publish',
						'post_title'     => $page['title'],
						'post_name'      => $page['slug'],
						'post_content'   => $page['content'],
						'post_author'    => $author,
						'post_date_gmt'  => $date,
						'post_date'      => get_date_from_gmt( $date ),
						'comment_status' => 'closed',
						'ping_status'    => 'closed',
					)
				),
				true
			)
		);
	}
	update_option( 'show_on_front', 'page' );
	update_option( 'page_on_front', $numbers['front-page'] );
	update_option( 'page_for_posts', $numbers['latest'] );
	update_option( 'wp_page_for_privacy_policy', $numbers['privacy'] );
	return $numbers;
}

/**
 * One article with its picture and what readers wrote.
 */
function newsroom_fill_article( array $article, string $folder, array $terms, array $authors ): void {
	$number = newsroom_fill_number(
		wp_insert_post(
			wp_slash(
				array(
					'post_type'      => 'post',
					'post_status'    => 'publish',
					'post_title'     => $article['title'],
					'post_name'      => $article['slug'],
					'post_excerpt'   => $article['excerpt'],
					'post_content'   => str_replace( 'newsroom://', home_url( '/' ), $article['content'] ),
					'post_author'    => $authors[ $article['author'] ],
					'post_date_gmt'  => $article['date'],
					'post_date'      => get_date_from_gmt( $article['date'] ),
					'post_category'  => array( $terms['category'][ $article['section'] ] ),
					'comment_status' => 'open',
					'ping_status'    => 'closed',
				)
			),
			true
		)
	);
	$tags = array_map( fn( $slug ) => $terms['post_tag'][ $slug ], $article['tags'] );
	wp_set_object_terms( $number, $tags, 'post_tag' );
	add_post_meta( $number, '_thumbnail_id', newsroom_fill_picture( $folder, $article['picture'], $article['date'], $number ), true );
	add_post_meta( $number, 'newsroom_kicker', wp_slash( $article['kicker'] ), true );
	newsroom_fill_comments( $article['comments'], $number );
}

/**
 * Comments of one article; answers point at comments that were written before them.
 */
function newsroom_fill_comments( array $comments, int $post ): void {
	$numbers = array();
	foreach ( $comments as $comment ) {
		$numbers[] = newsroom_fill_number(
			wp_insert_comment(
				wp_slash(
					array(
						'comment_post_ID'      => $post,
						'comment_parent'       => null === $comment['answers'] ? 0 : $numbers[ $comment['answers'] ],
						'comment_author'       => $comment['name'],
						'comment_author_email' => $comment['email'],
						'comment_content'      => $comment['text'],
						'comment_date_gmt'     => $comment['date'],
						'comment_date'         => get_date_from_gmt( $comment['date'] ),
						'comment_approved'     => 1,
						'comment_type'         => 'comment',
					)
				)
			)
		);
	}
}

/**
 * The sections' menu and the footer's, in their places.
 */
function newsroom_fill_menus( array $content, array $terms, array $pages ): void {
	$primary = newsroom_fill_number( wp_create_nav_menu( 'Sections' ) );
	$footer  = newsroom_fill_number( wp_create_nav_menu( 'The paper' ) );
	foreach ( $content['sections'] as $section ) {
		newsroom_fill_menu_item( $primary, $section['name'], 'taxonomy', 'category', $terms['category'][ $section['slug'] ] );
	}
	newsroom_fill_menu_item( $primary, 'Latest', 'post_type', 'page', $pages['latest'] );
	foreach ( $content['pages'] as $page ) {
		if ( $page['footer'] ) {
			newsroom_fill_menu_item( $footer, $page['title'], 'post_type', 'page', $pages[ $page['slug'] ] );
		}
	}
	set_theme_mod( 'nav_menu_locations', array( 'primary' => $primary, 'footer' => $footer ) );
}

/**
 * One entry of a menu.
 */
function newsroom_fill_menu_item( int $menu, string $title, string $type, string $kind, int $number ): void {
	static $position = 0;
	$item            = array(
		'menu-item-title'     => $title,
		'menu-item-type'      => $type,
		'menu-item-object'    => $kind,
		'menu-item-object-id' => $number,
		'menu-item-status'    => 'publish',
		'menu-item-position'  => ++$position,
	);
	newsroom_fill_number( wp_update_nav_menu_item( $menu, 0, wp_slash( $item ) ) );
}

/**
 * What stands in the margins.
 */
function newsroom_fill_widgets(): void {
	$notice = array(
		'title' => 'Read us on paper',
		'text'  => 'Six days a week, by bicycle, before seven. <a href="' . esc_url( home_url( '/subscribe/' ) ) . '">A month costs 19 crowns</a>, or nothing, if you cannot pay.',
		'filter' => true,
		'visual' => true,
	);
	$about  = array(
		'title' => 'The Fennmouth Courier',
		'text'  => 'Written in a former sail loft on Upper Quay, owned by 2,300 readers. The town and its people are invented; the pages are real.',
		'filter' => true,
		'visual' => true,
	);
	update_option( 'widget_text', array( 2 => $notice, 3 => $about, '_multiwidget' => 1 ) );
	update_option( 'widget_newsroom_latest', array( 2 => array( 'title' => 'Latest', 'number' => 7 ), '_multiwidget' => 1 ) );
	update_option( 'widget_newsroom_discussed', array( 2 => array( 'title' => 'Most discussed', 'number' => 5 ), '_multiwidget' => 1 ) );
	update_option( 'widget_newsroom_section', array( 2 => array( 'number' => 5 ), '_multiwidget' => 1 ) );
	update_option( 'widget_tag_cloud', array( 2 => array( 'title' => 'Topics', 'taxonomy' => 'post_tag', 'count' => 0 ), '_multiwidget' => 1 ) );
	update_option(
		'sidebars_widgets',
		array(
			'wp_inactive_widgets' => array(),
			'newsroom-front'      => array( 'newsroom_latest-2', 'newsroom_discussed-2', 'text-2' ),
			'newsroom-article'    => array( 'newsroom_section-2', 'text-2' ),
			'sidebar-1'           => array( 'text-3', 'tag_cloud-2' ),
			'array_version'       => 3,
		)
	);
}

/**
 * All of it, in the order in which one thing needs the other.
 */
function newsroom_fill_all( array $content, string $folder ): array {
	$all = count( $content['articles'] ) + 3;
	newsroom_fill_progress( 0, $all, 'settings' );
	newsroom_fill_settings( $content );
	newsroom_fill_switch_on();
	$terms   = newsroom_fill_terms( $content );
	$authors = newsroom_fill_authors( $content, $folder );
	$pages   = newsroom_fill_pages( $content, reset( $authors ) );
	foreach ( $content['articles'] as $done => $article ) {
		if ( 0 === $done % 8 ) {
			newsroom_fill_progress( $done + 1, $all, 'articles' );
		}
		newsroom_fill_article( $article, $folder, $terms, $authors );
	}
	newsroom_fill_progress( $all - 2, $all, 'menus and widgets' );
	newsroom_fill_menus( $content, $terms, $pages );
	newsroom_fill_widgets();
	newsroom_fill_progress( $all - 1, $all, 'counting' );
	wp_defer_comment_counting( false );
	wp_defer_term_counting( false );
	// Or the first visitor's request would sort the widgets anew, and write.
	delete_option( 'theme_switched' );
	flush_rewrite_rules( false );
	return array(
		'articles'    => count( $content['articles'] ),
		'pages'       => count( $pages ),
		'sections'    => count( $terms['category'] ),
		'tags'        => count( $terms['post_tag'] ),
		'authors'     => count( $authors ),
		'comments'    => array_sum( array_map( fn( $article ) => count( $article['comments'] ), $content['articles'] ) ),
		'attachments' => count( $content['articles'] ) + count( $authors ),
	);
}

if ( newsroom_fill_is_filled( $newsroom ) ) {
	echo wp_json_encode( array( 'filled' => false, 'version' => $newsroom['version'] ) ), "\n";
	exit( 0 );
}
newsroom_fill_check( $newsroom );
kses_remove_filters();
wp_defer_term_counting( true );
wp_defer_comment_counting( true );
// Files first would be safer still, but WordPress wants numbers; what a broken run copied is written over.
$wpdb->query( 'START TRANSACTION' );
$newsroom_counts = newsroom_fill_all( $newsroom, $newsroom_folder );
update_option( NEWSROOM_VERSION_OPTION, $newsroom['version'], false );
if ( false === $wpdb->query( 'COMMIT' ) ) {
	newsroom_fill_stop( 4, 'the database refused the content: ' . $wpdb->last_error );
}
newsroom_fill_progress( $newsroom_counts['articles'] + 3, $newsroom_counts['articles'] + 3, 'done' );
echo wp_json_encode( array( 'filled' => true, 'version' => $newsroom['version'] ) + $newsroom_counts ), "\n";
