<?php
/** Runs PHP that a test gives: in an editor's request, and as an event of WordPress's cron. */

add_action(
	'wp_ajax_pressroom_test_run',
	function () {
		if ( ! current_user_can( 'manage_options' ) ) {
			wp_die( 'no', 403 );
		}
		try {
			eval( wp_unslash( $_POST['code'] ) );
		} catch ( Throwable $error ) {
			wp_die( esc_html( $error->getMessage() ), 500 );
		}
		wp_die( '', 200 );
	}
);

add_action(
	'pressroom_test_run',
	function ( $code, $word ) {
		eval( $code );
		update_option( 'pressroom_test_ran', $word, false );
	},
	10,
	2
);
