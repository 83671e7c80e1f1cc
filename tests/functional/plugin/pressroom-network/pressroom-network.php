<?php
/**
 * Plugin Name: Pressroom network test
 * Description: Shows on one blog's pages what belongs to the network and to other blogs.
 * License: GPL-2.0-or-later
 */

add_shortcode(
	'network_option',
	function ( $given ) {
		return esc_html( get_network_option( null, $given['name'], 'none' ) . ' ' . get_network()->site_name );
	}
);

add_shortcode(
	'network_post',
	function ( $given ) {
		switch_to_blog( (int) $given['blog'] );
		$post = get_page_by_path( $given['slug'], OBJECT, 'post' );
		$text = $post ? sprintf( '<a href="%s">%s</a> %d', esc_url( get_permalink( $post ) ), esc_html( $post->post_title ), $post->comment_count ) : 'none';
		restore_current_blog();
		return $text;
	}
);

/** The public blogs, each with its newest articles. */
add_shortcode(
	'network_blogs',
	function () {
		$text = '';
		foreach ( get_sites( array( 'public' => 1, 'archived' => 0, 'deleted' => 0 ) ) as $blog ) {
			switch_to_blog( $blog->blog_id );
			$titles = wp_list_pluck( get_posts( array( 'numberposts' => 2 ) ), 'post_title' );
			$text  .= sprintf( '<li><a href="%s">%s</a> %s</li>', esc_url( home_url( '/' ) ), esc_html( get_option( 'blogname' ) ), esc_html( implode( ', ', $titles ) ) );
			restore_current_blog();
		}
		return "<ul>$text</ul>";
	}
);

add_shortcode(
	'network_admins',
	function () {
		return esc_html( implode( ', ', get_super_admins() ) );
	}
);
