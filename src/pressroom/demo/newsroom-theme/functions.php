<?php
/**
 * The newsroom theme: what it adds to Twenty Twenty-One, and what it leaves out.
 *
 * @package Newsroom
 */

defined( 'ABSPATH' ) || exit;

require __DIR__ . '/inc/setup.php';
require __DIR__ . '/inc/head.php';
require __DIR__ . '/inc/cards.php';
require __DIR__ . '/inc/portraits.php';
require __DIR__ . '/inc/widgets.php';
