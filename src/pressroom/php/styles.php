<?php
/**
 * Small style sheets stand in the page. A browser shows nothing before it has each style sheet that the page names, and
 * it can ask for them only when it has the page: a round trip more before the first picture. Which are small is reckoned
 * for all of a page together: with them it still comes in the first flight of a new connection (RFC 6928).
 *
 * In a render alone: who is logged in has the files already. WordPress does the same with its blocks' sheets
 * (`wp_maybe_inline_styles`); here each one that is printed is looked at, with its place and its medium kept. A sheet that
 * might mean another thing in the page is left as it is. Its file is code: the watch takes the pages out when it changes.
 */
final class Pressroom_Styles {

	/** Bytes of the sheets of one page; a fifth of that, compressed. */
	const MOST = 50000;
	/** As WP_Styles prints it. What a plugin made of it (loaded late, for printing, with a title) has its reasons. */
	const TAG = '~\A\s*<link rel=(["\'])stylesheet\1 id=(["\'])([^"\'<>]+)\2 href=(["\'])[^"\'<>]+\4(?: type=(["\'])text/css\5)? media=(["\'])(all|screen)\6 ?/?>\s*\z~';
	/** Other files by ways that are not rewritten, and what would end the sheet early. */
	const NOT_MOVED = '~@import|</style|image-set\(|\bsrc\(~i';
	/** Comments, addresses (with what stands around them) and strings, so that none is taken for another; at last, an
	 * address that is written in none of the usual ways. */
	const TOKENS = '~/\*.*?\*/|(\burl\(\s*+)(?:(")((?:[^"\\\\]++|\\\\.)*+)"|(\')((?:[^\'\\\\]++|\\\\.)*+)\'|()([^\s"\'()\\\\]*+))\s*+\)|"(?:[^"\\\\]++|\\\\.)*+"|\'(?:[^\'\\\\]++|\\\\.)*+\'|\burl\(~is';

	private static $left = self::MOST;

	public static function start() {
		add_filter( 'style_loader_tag', array( __CLASS__, 'in_the_page' ), PHP_INT_MAX, 3 );
	}

	/** The sheet itself instead of the link to it, where it is small. */
	public static function in_the_page( $tag, $handle, $address ) {
		if ( ! is_string( $tag ) || ! is_string( $address ) || ! preg_match( self::TAG, $tag, $found ) || self::has_policy() ) {
			return $tag;
		}
		$file = Pressroom_Assets::file_of( $address );
		$size = $file === null ? false : @filesize( $file );
		if ( $size === false || $size > self::$left ) {
			return $tag;
		}
		$sheet = self::moved( (string) @file_get_contents( $file ), dirname( strtok( $address, '?#' ) ) . '/' );
		if ( $sheet === null ) {
			return $tag;
		}
		self::$left -= $size;
		$media = $found[7] === 'all' ? '' : " media='{$found[7]}'";
		return "<style id='{$found[3]}'$media>\n$sheet\n</style>\n";
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
					$is_certain = $is_certain && strcasecmp( $token[0], 'url(' ) !== 0;
					return $token[0];
				}
				list( $quote, $to ) = array_slice( $token, -2 );
				if ( $to === '' || preg_match( '~\A\s*(?:[a-z][a-z0-9+.-]*:|/|#)~i', $to ) ) {
					return $token[0];
				}
				return $token[1] . $quote . $folder . $to . $quote . ')';
			},
			$sheet
		);
		return $is_certain ? $moved : null;
	}

	/** Whether the page says itself which styles may be shown. */
	private static function has_policy() {
		return (bool) preg_grep( '/\AContent-Security-Policy\s*:/i', headers_list() );
	}
}

if ( defined( 'PRESSROOM_STYLES' ) && Pressroom_Recorder::active() ) {
	Pressroom_Styles::start();
}
