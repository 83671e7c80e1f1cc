<?php
/** Pages show by these what lies in an option, a post, the plugin's tables. */

add_shortcode(
	'pressroom_option',
	function ( $given ) {
		return esc_html( get_option( $given['name'], 'none' ) );
	}
);

add_shortcode(
	'pressroom_post',
	function ( $given ) {
		$post = get_page_by_path( $given['slug'], OBJECT, 'post' );
		return $post ? esc_html( $post->post_title . ' ' . get_post_meta( $post->ID, 'mood', true ) ) : 'none';
	}
);

/** `rows`: the numbers of rows to show; all of them when it is left out. */
add_shortcode(
	'pressroom_table',
	function ( $given ) {
		global $wpdb;
		$table = $wpdb->prefix . 'pressroom_' . sanitize_key( $given['name'] );
		$where = isset( $given['rows'] ) ? ' WHERE id IN (' . implode( ',', wp_parse_id_list( $given['rows'] ) ) . ')' : '';
		return esc_html( (string) $wpdb->get_var( "SELECT GROUP_CONCAT(word ORDER BY id, word SEPARATOR '|') FROM $table$where" ) );
	}
);
