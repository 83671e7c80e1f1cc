<?php
// Pressroom's database drop-in. Without it pages are not stored, and writes are not waited for.
if ( defined( 'PRESSROOM_PHP' ) ) {
	require PRESSROOM_PHP . '/db.php';
}
