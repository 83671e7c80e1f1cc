<?php
/**
 * Plugin Name: Pressroom magazine test
 * Description: Related articles, articles in several languages, and events, as magazines' plugins do them.
 * License: GPL-2.0-or-later
 */

add_action(
	'init',
	function () {
		register_post_type( 'event', array( 'label' => 'Events', 'public' => true, 'has_archive' => 'events' ) );
		register_taxonomy( 'place', 'event', array( 'label' => 'Places' ) );
		register_taxonomy( 'language', array( 'post', 'page' ), array( 'label' => 'Languages', 'rewrite' => array( 'slug' => 'in' ) ) );
		register_taxonomy( 'translations', 'post', array( 'label' => 'Translations', 'public' => false ) );
	}
);

/** At an article's foot: others of its category ("Check Also"), its translations, and what readers discuss. */
add_filter(
	'the_content',
	function ( $content ) {
		if ( ! is_singular( 'post' ) || ! in_the_loop() ) {
			return $content;
		}
		$id    = get_the_ID();
		$rest  = array( 'post__not_in' => array( $id ), 'posts_per_page' => 3, 'ignore_sticky_posts' => true, 'no_found_rows' => true );
		$also  = new WP_Query( $rest + array( 'category__in' => wp_get_post_categories( $id ) ) );
		$liked = new WP_Query( $rest + array( 'orderby' => array( 'comment_count' => 'DESC', 'ID' => 'ASC' ), 'date_query' => array( array( 'after' => '2026-01-01' ) ) ) );
		return $content . magazine_links( 'Check also', $also->posts ) . magazine_links( 'Discussed', $liked->posts ) . magazine_links( 'In other languages', magazine_translations( $id ) );
	}
);

function magazine_links( $title, $posts ) {
	$text = '';
	foreach ( $posts as $post ) {
		$text .= sprintf( '<li><a href="%s">%s</a> (%d)</li>', esc_url( get_permalink( $post ) ), esc_html( get_the_title( $post ) ), $post->comment_count );
	}
	return "<h4>$title</h4><ul>$text</ul>";
}

/** A group of translations is a term; its description maps languages to articles. */
function magazine_translations( $id ) {
	$terms = get_the_terms( $id, 'translations' );
	$map   = $terms ? maybe_unserialize( $terms[0]->description ) : array();
	$posts = array_map( 'get_post', array_diff( is_array( $map ) ? $map : array(), array( $id ) ) );
	return array_filter( $posts, function ( $post ) { return $post && $post->post_status === 'publish'; } );
}

/** Make these articles translations of each other: language => number. */
function magazine_translate( $map ) {
	$group = uniqid( 'pll_' );
	wp_insert_term( $group, 'translations', array( 'description' => serialize( $map ) ) );
	foreach ( $map as $language => $id ) {
		wp_set_object_terms( $id, $language, 'language' );
		wp_set_object_terms( $id, $group, 'translations' );
	}
}

add_shortcode(
	'magazine_in',
	function ( $given ) {
		$query = new WP_Query( array( 'post_type' => 'post', 'tax_query' => array( array( 'taxonomy' => 'language', 'field' => 'slug', 'terms' => $given['language'] ) ) ) );
		return magazine_links( $given['language'], $query->posts );
	}
);

/** `from`: `today`, by the day, or `now`, by the second. What is over is left out. */
add_shortcode(
	'magazine_events',
	function ( $given ) {
		$from  = current_time( $given['from'] === 'today' ? 'Y-m-d' : 'Y-m-d H:i:s' );
		$query = new WP_Query(
			array(
				'post_type' => 'event', 'meta_key' => '_ends', 'orderby' => 'meta_value', 'order' => 'ASC', 'posts_per_page' => 3,
				'meta_query' => array( array( 'key' => '_ends', 'value' => $from, 'compare' => '>=', 'type' => $given['from'] === 'today' ? 'DATE' : 'DATETIME' ) ),
			)
		);
		$text = '';
		foreach ( $query->posts as $post ) {
			$text .= '<li>' . esc_html( $post->post_title . ' ' . get_post_meta( $post->ID, '_ends', true ) ) . get_the_term_list( $post->ID, 'place', ' ' ) . '</li>';
		}
		return "<ul>$text</ul>";
	}
);

/** A new event; `$ends`: seconds from now. */
function magazine_event( $title, $ends, $place = 'Hall' ) {
	global $wpdb;
	$date = gmdate( 'Y-m-d H:i:s', strtotime( '2026-04-01' ) + 60 * $wpdb->get_var( "SELECT MAX(ID) FROM $wpdb->posts" ) ); // no two of one date
	$id   = wp_insert_post( array( 'post_type' => 'event', 'post_date' => $date, 'post_title' => $title, 'post_status' => 'publish', 'post_content' => 'Come.' ) );
	update_post_meta( $id, '_ends', wp_date( 'Y-m-d H:i:s', time() + $ends ) );
	wp_set_object_terms( $id, $place, 'place' );
}

function magazine_find( $title ) {
	return get_posts( array( 'post_type' => 'event', 'title' => $title ) )[0]->ID;
}
