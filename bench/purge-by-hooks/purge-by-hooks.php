<?php
/**
 * Plugin Name: Purge by hooks
 * Description: Removes pages from nginx's fastcgi_cache as the common purge plugins do, the more generous ones of them; for bench/peers.py.
 * License: GPL-2.0-or-later
 *
 * An article that is published, edited, moved or removed: its page, the front page, its archives by date, category,
 * tag, author and type, and their feeds. A comment: the same. A term: its archive and the front page. A profile: the
 * author's archive. A theme, a menu, a sidebar, the customizer, permalinks, plugins: everything.
 */

/** nginx's file for an address: levels=1:2, key $scheme$request_method$host$request_uri. */
function purge_by_hooks_file( $url ) {
	$parts = wp_parse_url( $url );
	$hash  = md5( $parts['scheme'] . 'GET' . $parts['host'] . ( $parts['path'] ?? '/' ) );
	return PURGE_BY_HOOKS_CACHE . '/' . substr( $hash, -1 ) . '/' . substr( $hash, -3, 2 ) . "/$hash";
}

function purge_by_hooks_url( $url ) {
	if ( ! is_string( $url ) || $url === '' ) {
		return;
	}
	foreach ( array( '', 'feed/', 'feed/atom/' ) as $more ) {
		@unlink( purge_by_hooks_file( $more === '' ? $url : trailingslashit( $url ) . $more ) );
	}
}

function purge_by_hooks_front() {
	purge_by_hooks_url( home_url( '/' ) );
	if ( get_option( 'page_for_posts' ) ) {
		purge_by_hooks_url( get_permalink( get_option( 'page_for_posts' ) ) );
	}
}

function purge_by_hooks_all() {
	foreach ( (array) glob( PURGE_BY_HOOKS_CACHE . '/*/*/*' ) as $file ) {
		@unlink( $file );
	}
}

function purge_by_hooks_post( $post ) {
	$post = get_post( $post );
	if ( ! $post || ! is_post_type_viewable( $post->post_type ) ) {
		return;
	}
	if ( $post->post_status === 'publish' ) {
		purge_by_hooks_url( get_permalink( $post ) );
	} else { // where it was while it was public
		$public              = clone $post;
		$public->post_status = 'publish';
		$public->post_name   = preg_replace( '/__trashed$/', '', $post->post_name );
		purge_by_hooks_url( get_permalink( $public ) );
	}
	purge_by_hooks_front();
	purge_by_hooks_url( get_post_type_archive_link( $post->post_type ) );
	purge_by_hooks_url( get_author_posts_url( $post->post_author ) );
	if ( $post->post_type === 'post' ) {
		list( $year, $month, $day ) = explode( '-', get_the_date( 'Y-m-d', $post ) );
		purge_by_hooks_url( get_year_link( $year ) );
		purge_by_hooks_url( get_month_link( $year, $month ) );
		purge_by_hooks_url( get_day_link( $year, $month, $day ) );
	}
	foreach ( get_object_taxonomies( $post->post_type ) as $taxonomy ) {
		foreach ( (array) get_the_terms( $post, $taxonomy ) as $term ) {
			if ( $term instanceof WP_Term && is_taxonomy_viewable( $taxonomy ) ) {
				purge_by_hooks_url( get_term_link( $term ) );
			}
		}
	}
}

add_action(
	'transition_post_status',
	function ( $new, $old, $post ) {
		if ( $new === 'publish' || $old === 'publish' ) {
			purge_by_hooks_post( $post );
		}
	},
	20,
	3
);
add_action( // the address and the terms it had before
	'pre_post_update',
	function ( $id ) {
		if ( get_post_status( $id ) === 'publish' ) {
			purge_by_hooks_post( $id );
		}
	}
);
add_action( 'before_delete_post', 'purge_by_hooks_post' );
add_action( 'edit_attachment', 'purge_by_hooks_post' );
add_action( 'delete_attachment', 'purge_by_hooks_post' );

add_action(
	'wp_insert_comment',
	function ( $id, $comment ) {
		if ( (string) $comment->comment_approved === '1' ) {
			purge_by_hooks_post( $comment->comment_post_ID );
		}
	},
	20,
	2
);
add_action(
	'transition_comment_status',
	function ( $new, $old, $comment ) {
		purge_by_hooks_post( $comment->comment_post_ID );
	},
	20,
	3
);
foreach ( array( 'edit_comment', 'delete_comment' ) as $action ) {
	add_action(
		$action,
		function ( $id ) {
			$comment = get_comment( $id );
			purge_by_hooks_post( $comment ? $comment->comment_post_ID : 0 );
		},
		20
	);
}

foreach ( array( 'edited_term', 'pre_delete_term' ) as $action ) {
	add_action(
		$action,
		function ( $id ) {
			$term = get_term( $id );
			if ( $term instanceof WP_Term && is_taxonomy_viewable( $term->taxonomy ) ) {
				purge_by_hooks_url( get_term_link( $term ) );
				purge_by_hooks_front();
			}
		},
		20
	);
}
add_action(
	'profile_update',
	function ( $id ) {
		purge_by_hooks_url( get_author_posts_url( $id ) );
	}
);

foreach ( array(
	'switch_theme',
	'customize_save_after',
	'wp_update_nav_menu',
	'wp_delete_nav_menu',
	'update_option_sidebars_widgets',
	'permalink_structure_changed',
	'activated_plugin',
	'deactivated_plugin',
	'upgrader_process_complete',
) as $action ) {
	add_action( $action, 'purge_by_hooks_all' );
}
