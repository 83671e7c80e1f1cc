<?php
/**
 * Style sheets and scripts say in their address which version of the file they are, so that a browser may keep each for
 * good: a changed file has another address. WordPress's own `ver` is the plugin's or theme's number, which stays as it is
 * when its owner edits a style sheet. Nginx knows these addresses by their end (`$pr_asset_age`).
 */
final class Pressroom_Assets {

	/** Folders whose files are served as they are. */
	const FOLDERS = '~^/(?:wp-content|wp-includes|wp-admin)/[^?#]+\.(?:css|js)(?=\?)~';

	public static function start() {
		foreach ( array( 'style_loader_src', 'script_loader_src', 'script_module_loader_src' ) as $hook ) {
			add_filter( $hook, array( __CLASS__, 'versioned' ), PHP_INT_MAX );
		}
	}

	/** @param mixed $address An address with `ver`; others are left as they are. */
	public static function versioned( $address ) {
		if ( ! is_string( $address ) || ! preg_match( '/[?&]ver=[^&#]/', $address ) ) {
			return $address;
		}
		$file = self::file_of( $address );
		if ( $file === null || ! is_file( $file ) ) {
			return $address;
		}
		// Nobody can ask for a version that is still to come: nginx would keep this file under its name.
		// From right to left WordPress puts another file's name into the address later on.
		$versions = self::state_of( $file ) . ' ' . self::state_of( preg_replace( '/(?:\.min)?\.css$/', '-rtl$0', $file ) );
		return preg_replace( '/([?&]ver=[^&#]*)/', '$1-' . substr( hash_hmac( 'sha256', $versions, wp_salt( 'nonce' ) ), 0, 8 ), $address, 1 );
	}

	private static function state_of( $file ) {
		$stat = @stat( $file );
		return $stat ? $stat['mtime'] . ':' . $stat['size'] : '';
	}

	/** The site's own file behind an address; null where it is none. */
	public static function file_of( $address ) {
		$own  = substr( PRESSROOM_URL, strpos( PRESSROOM_URL, '//' ) );
		$path = preg_replace( '~^https?:~i', '', $address );
		if ( strncasecmp( $path, $own . '/', strlen( $own ) + 1 ) === 0 ) {
			$path = substr( $path, strlen( $own ) );
		}
		if ( ! preg_match( self::FOLDERS, $path, $found ) || strpos( rawurldecode( $found[0] ), '..' ) !== false ) {
			return null;
		}
		return ABSPATH . substr( rawurldecode( $found[0] ), 1 );
	}
}

if ( defined( 'PRESSROOM_ASSETS' ) ) {
	Pressroom_Assets::start();
}
