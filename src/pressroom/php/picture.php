<?php
/**
 * Makes one of the site's pictures anew in a form that takes fewer bytes. Asked by the platform alone (nginx's internal
 * way), run as the site's user: pictures come from strangers, and what a broken one does to a decoder it does there.
 *
 * GET path (below the document root), form (avif or webp). Answers 200 with the picture, or 204 when it is left alone:
 * what GD would show otherwise than browsers do, and what would cost more than it gains.
 */

/** Above these, in pixels, a decoder takes too much memory, and AVIF too much time. */
const PRESSROOM_LARGEST      = 16000000;
const PRESSROOM_LARGEST_AVIF = 2000000;

/** The signal by which a worker of PHP-FPM ends after its request. */
const PRESSROOM_QUIT = 3;

@proc_nice( 19 ); // Visitors come first.
$pressroom_made = pressroom_picture( $_SERVER['DOCUMENT_ROOT'] . $_GET['path'], $_GET['form'] );
if ( $pressroom_made === null ) {
	http_response_code( 204 );
} else {
	header( 'Content-Type: image/' . $_GET['form'] );
	header( 'Content-Length: ' . strlen( $pressroom_made ) );
	echo $pressroom_made;
}
fastcgi_finish_request();
posix_kill( getmypid(), PRESSROOM_QUIT ); // AVIF's encoder gives little of its memory back: some 500 MB after 900 pictures.

function pressroom_picture( $file, $form ) {
	$bytes = @file_get_contents( $file );
	$size  = $bytes ? @getimagesizefromstring( $bytes ) : false;
	if ( ! $size || $size[0] * $size[1] > PRESSROOM_LARGEST || ( $size['bits'] ?? 8 ) > 8 || ! pressroom_is_srgb( $bytes ) ) {
		return null;
	}
	if ( $size[2] === IMAGETYPE_JPEG ) {
		return pressroom_of_jpeg( $bytes, $size, $form );
	}
	return $size[2] === IMAGETYPE_PNG && $form === 'webp' ? pressroom_of_png( $bytes ) : null;
}

/** Photographs lose a little, as they did before: some 40 dB from the JPEG, which the eye does not see. */
function pressroom_of_jpeg( $bytes, array $size, $form ) {
	$is_cmyk = ( $size['channels'] ?? 3 ) > 3;
	$exif    = function_exists( 'exif_read_data' ) ? @exif_read_data( 'data://image/jpeg;base64,' . base64_encode( $bytes ) ) : array();
	if ( $is_cmyk || ( $exif['Orientation'] ?? 1 ) > 1 ) {
		return null;
	}
	$picture = @imagecreatefromstring( $bytes );
	if ( ! $picture || ( $form === 'avif' && $size[0] * $size[1] > PRESSROOM_LARGEST_AVIF ) ) {
		return null;
	}
	return pressroom_written(
		function () use ( $picture, $form ) {
			return $form === 'avif' ? imageavif( $picture, null, 55, 7 ) : imagewebp( $picture, null, 80 );
		}
	);
}

/** Drawings and writing stay as they are, to the pixel. */
function pressroom_of_png( $bytes ) {
	$is_animated = strpos( $bytes, 'acTL' ) !== false && strpos( $bytes, 'acTL' ) < strpos( $bytes, 'IDAT' );
	$picture     = $is_animated ? false : @imagecreatefromstring( $bytes );
	if ( ! $picture ) {
		return null;
	}
	imagepalettetotruecolor( $picture );
	imagealphablending( $picture, false );
	imagesavealpha( $picture, true );
	return pressroom_written(
		function () use ( $picture ) {
			return imagewebp( $picture, null, IMG_WEBP_LOSSLESS );
		}
	);
}

function pressroom_written( callable $write ) {
	ob_start();
	$is_written = @$write();
	$made       = (string) ob_get_clean();
	return $is_written && $made !== '' ? $made : null;
}

/** GD drops colour profiles: with another one than sRGB the picture would look otherwise. */
function pressroom_is_srgb( $bytes ) {
	foreach ( array( 'ICC_PROFILE' . "\0", 'iCCP' ) as $mark ) {
		$at = strpos( $bytes, $mark );
		if ( $at !== false ) {
			return $mark !== 'iCCP' && strpos( substr( $bytes, $at, 4096 ), 'sRGB' ) !== false;
		}
	}
	return strpos( $bytes, 'gAMA' ) === false || strpos( $bytes, 'sRGB' ) !== false;
}
