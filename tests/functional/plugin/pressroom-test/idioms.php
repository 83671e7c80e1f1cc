<?php
/** As well-known plugins do it: they look into the list of all options for one of theirs, then ask for it by name. */

namespace {
	function bbp_pre_load_options() {
		if ( ! isset( wp_load_alloptions()['pressroom_test_option'] ) ) {
			wp_cache_set( 'notoptions', (array) wp_cache_get( 'notoptions', 'options' ), 'options' );
		}
		return get_option( 'pressroom_test_option' );
	}

	if ( ! function_exists( 'wp_prime_option_caches' ) ) {
		/** As WordPress does it since 6.4, for its transients too since 6.6. */
		function wp_prime_option_caches( $options ) {
			global $wpdb;
			$holes = implode( ',', array_fill( 0, count( $options ), '%s' ) );
			$found = $wpdb->get_results( $wpdb->prepare( "SELECT option_name, option_value FROM $wpdb->options WHERE option_name IN ($holes)", $options ) );
			foreach ( $found as $row ) {
				wp_cache_set( $row->option_name, $row->option_value, 'options' );
			}
		}
	}
}

namespace WPForms\Helpers {
	class Transient {
		public static function get( $name ) {
			return isset( wp_load_alloptions()[ $name ] ) ? get_option( $name ) : get_option( $name, 'none' );
		}
	}
}
