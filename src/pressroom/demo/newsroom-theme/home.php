<?php
/**
 * A list like any other; the parent theme's template must not be used.
 *
 * @package Newsroom
 */

require __DIR__ . '/index.php';
