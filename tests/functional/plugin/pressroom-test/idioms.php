<?php
/** As well-known plugins do it: they look into the list of all options for one of theirs, then ask for it by name. */

namespace {
	function bbp_pre_load_options() {
		if ( ! isset( wp_load_alloptions()['pressroom_test_option'] ) ) {
			wp_cache_set( 'notoptions', (array) wp_cache_get( 'notoptions', 'options' ), 'options' );
		}
		return get_option( 'pressroom_test_option' );
	}
}

namespace WPForms\Helpers {
	class Transient {
		public static function get( $name ) {
			return isset( wp_load_alloptions()[ $name ] ) ? get_option( $name ) : get_option( $name, 'none' );
		}
	}
}
