<?php
/**
 * Plugin Name: Pressroom builder test
 * Description: As page builders do it: each article's style sheet lies among the uploads, with its time in the address; a drawing is put into the page.
 * License: GPL-2.0-or-later
 */

function pressroom_builder_file( $name ) {
	return wp_upload_dir()['basedir'] . "/pressroom-builder/$name";
}

add_action(
	'wp_head',
	function () {
		if ( ! is_single() ) {
			return;
		}
		$sheet = pressroom_builder_file( 'post-' . get_the_ID() . '.css' );
		if ( ! is_file( $sheet ) ) {
			wp_mkdir_p( dirname( $sheet ) );
			file_put_contents( $sheet, '.post{}' );
		}
		$drawing = pressroom_builder_file( 'drawing.svg' );
		printf( '<!-- sheet: %d -->', filemtime( $sheet ) );
		printf( '<!-- drawing: %s -->', is_file( $drawing ) ? esc_html( file_get_contents( $drawing ) ) : 'none' );
	}
);

/** An editor presses a button: a file is written anew, replaced by a rename, or removed. */
add_action(
	'wp_ajax_pressroom_builder',
	function () {
		$file = pressroom_builder_file( sanitize_file_name( $_POST['file'] ) );
		switch ( $_POST['how'] ) {
			case 'write':
				file_put_contents( $file, wp_unslash( $_POST['text'] ) );
				break;
			case 'replace':
				file_put_contents( "$file.tmp", wp_unslash( $_POST['text'] ) );
				rename( "$file.tmp", $file );
				break;
			case 'remove':
				unlink( $file );
				break;
		}
		wp_die( 'done' );
	}
);
