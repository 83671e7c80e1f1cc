<?php
/** Brings a site's database to its core's version: `php upgrade.php WORDPRESS_DIR` as the site's user. */

define( 'WP_INSTALLING', true );
require $argv[1] . '/wp-load.php';
require ABSPATH . 'wp-admin/includes/upgrade.php';
wp_cache_flush();
wp_upgrade();
