<?php
/**
 * Small style sheets stand in the page. A browser shows nothing before it has each style sheet that the page's head names,
 * and it can ask for them only when it has the page: a round trip more before the first picture. That is saved where all
 * of them stand in the page; where one would be left to wait for, all stay as they are.
 *
 * In a render alone: who is logged in has the files already. WordPress does the same with its blocks' sheets
 * (`wp_maybe_inline_styles`). A sheet that might mean another thing in the page is left as it is. Its file is code: the watch
 * takes the pages out when it changes.
 */
final class Pressroom_Styles {

	/** Bytes of the sheets of one page, a fifth of that when compressed: it still comes in a connection's first flights. */
	const MOST = 50000;
	/** Whose links are none, and what is looked at. */
	const HEAD = '~<!--.*?-->|<(script|noscript|template)\b.*?</\1\s*>|<link\b[^>]*>|<meta\b[^>]*>~is';
	/** As WP_Styles prints it. What a plugin made of it (loaded late, with a title) has its reasons. */
	const PLAIN = '~\A<link rel=(["\'])stylesheet\1 id=(["\'])([^"\'<>]+)\2 href=(["\'])([^"\'<>]+)\4(?: type=(["\'])text/css\6)? media=(["\'])(all|screen)\7 ?/?>\z~';
	/** One that no page waits for: of another sort, or for a medium of its own. */
	const LATER = '~\A<link\b(?![^>]*\brel=["\']?stylesheet\b)|\smedia=(["\'])(?!(?:all|screen)?\1)~i';
	/** The site's code, of which each file is watched. */
	const CODE = '~\A/(?:wp-content/(?:themes|plugins|mu-plugins)|wp-includes)/(?:[^./?#][^/?#]*/)*[^./?#][^/?#]*\.css\z~';
	/** Other files by ways that are not rewritten, another encoding, and what would end the sheet early. */
	const NOT_MOVED = '~@import|@charset\s+(?!"utf-8")|</style|image-set\(|\bsrc\(~i';
	/** Comments, addresses (with what stands around them) and strings, so that none is taken for another; at last, what makes
	 * it uncertain which is which. */
	const TOKENS = '~/\*.*?\*/|(\burl\(\s*+)(?:(")([^"\\\\\n]*+)"|(\')([^\'\\\\\n]*+)\'|()([^\s"\'()\\\\]*+))\s*+\)|"(?:[^"\\\\\n]++|\\\\.)*+"|\'(?:[^\'\\\\\n]++|\\\\.)*+\'|\burl\(|["\'\\\\]~is';
	const ABSOLUTE = '~\A(?:https?://|/|#|data:|\z)~i';
	const RELATIVE = '~\A[\w.%\~@+-]+(?:/[\w.%\~@+-]+)*(?:[?#][\w.%\~@+&=#?-]*)?\z~';

	private static $level;

	public static function start() {
		add_action( 'wp_head', array( __CLASS__, 'begin' ), PHP_INT_MIN );
		add_action( 'wp_head', array( __CLASS__, 'end' ), PHP_INT_MAX );
	}

	public static function begin() {
		ob_start( array( __CLASS__, 'with_sheets' ) );
		self::$level = ob_get_level();
	}

	/** A buffer that somebody has opened since ends with the page, and ours with it. */
	public static function end() {
		if ( ob_get_level() === self::$level ) {
			ob_end_flush();
		}
	}

	/** The head with the sheets themselves instead of the links to them, where they are small together. */
	public static function with_sheets( $head ) {
		$left   = self::MOST;
		$others = (bool) preg_grep( '/\AContent-Security-Policy\s*:/i', headers_list() );
		$made   = preg_replace_callback(
			self::HEAD,
			function ( $found ) use ( &$left, &$others ) {
				$tag = $found[0];
				if ( stripos( $tag, '<meta' ) === 0 ) {
					$others = $others || stripos( $tag, 'content-security-policy' ) !== false;
					return $tag;
				}
				if ( stripos( $tag, '<link' ) !== 0 || preg_match( self::LATER, $tag ) ) {
					return $tag;
				}
				$sheet  = $others ? null : self::in_the_page( $tag, $left );
				$others = $sheet === null;
				$left  -= strlen( (string) $sheet );
				return (string) $sheet;
			},
			$head
		);
		return $others || $made === null ? $head : $made;
	}

	/** The sheet itself instead of a link to it; null where that must stay, or where it has more bytes than this. */
	private static function in_the_page( $tag, $most ) {
		if ( ! preg_match( self::PLAIN, $tag, $found ) ) {
			return null;
		}
		$file = Pressroom_Assets::file_of( $found[5] );
		if ( $file === null || ! self::is_served( $file ) || filesize( $file ) > $most ) {
			return null;
		}
		$sheet = @file_get_contents( $file );
		$sheet = $sheet === false ? null : self::moved( $sheet, dirname( strtok( $found[5], '?#' ) ) . '/' );
		$media = $found[8] === 'all' ? '' : " media='{$found[8]}'";
		return $sheet === null ? null : "<style id='{$found[3]}'$media>\n$sheet\n</style>";
	}

	/** Whether it is a file of the site's code that nginx, as another user than PHP, would send to everybody. */
	private static function is_served( $file ) {
		$inside = substr( $file, strlen( ABSPATH ) - 1 );
		if ( ! preg_match( self::CODE, $inside ) || realpath( $file ) !== realpath( ABSPATH ) . $inside ) {
			return false;
		}
		for ( $folder = dirname( $inside ); $folder !== '/'; $folder = dirname( $folder ) ) {
			if ( ! ( fileperms( rtrim( ABSPATH, '/' ) . $folder ) & 0011 ) ) {
				return false;
			}
		}
		return is_file( $file ) && ( fileperms( $file ) & 0044 );
	}

	/** The sheet with its relative addresses led from the page; null where that is not certain. */
	private static function moved( $sheet, $folder ) {
		$sheet = preg_replace( '/\A\xEF\xBB\xBF/', '', $sheet );
		if (
			! preg_match( '//u', $sheet ) || preg_match( self::NOT_MOVED, $sheet ) || strtoupper( get_bloginfo( 'charset' ) ) !== 'UTF-8'
			|| ! preg_match( '~\A[A-Za-z0-9_.:/%\~@+-]+\z~', $folder )
		) {
			return null;
		}
		$is_certain = true;
		$moved      = preg_replace_callback(
			self::TOKENS,
			function ( $token ) use ( $folder, &$is_certain ) {
				if ( count( $token ) === 1 ) {
					$is_certain = $is_certain && ! preg_match( '~\A(?:url\(|["\'\\\\])\z~i', $token[0] );
					return $token[0];
				}
				list( $quote, $to ) = array_slice( $token, -2 );
				if ( preg_match( self::ABSOLUTE, $to ) ) {
					return $token[0];
				}
				$is_certain = $is_certain && preg_match( self::RELATIVE, $to );
				return $token[1] . $quote . $folder . $to . $quote . ')';
			},
			$sheet
		);
		return $is_certain ? $moved : null;
	}
}

if ( defined( 'PRESSROOM_STYLES' ) && Pressroom_Recorder::active() ) {
	Pressroom_Styles::start();
}
