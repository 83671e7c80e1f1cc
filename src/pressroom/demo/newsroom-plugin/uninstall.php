<?php
/**
 * Takes the option away with the plugin.
 *
 * @package PressroomNewsroom
 */

defined( 'WP_UNINSTALL_PLUGIN' ) || exit;

delete_option( 'pressroom_newsroom' );
