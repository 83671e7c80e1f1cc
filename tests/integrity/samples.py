"""Look-alikes of malware, for each rule: their text matches, and they do no harm (nobody runs them; what they would run
is a sum, or a name that there is not). And what looks like it and is none.
"""

from __future__ import annotations

_LONG = b"QUJD" * 200

# Rule; name of the file; content.
LOOKALIKES: list[tuple[str, str, bytes]] = [
    ("eval_of_decoded_text", "a.php", b"<?php eval(base64_decode('MSsxOw=='));"),
    ("eval_of_decoded_text", "b.php", b"<?php @EVAL /* x */ ( /**/ gzinflate (base64_decode('')) );"),
    ("eval_of_decoded_text", "c.php", b"<?php $x = gzinflate(base64_decode('')); eval( $x );"),
    ("eval_of_decoded_text", "d.php", b"<?php eval($a($b($c('MSsxOw=='))));"),
    ("eval_of_decoded_text", "e.php", b"<?php create_function('', str_rot13('1+1;'));"),
    ("runs_what_a_request_brings", "f.php", b"<?php @eval($_POST['nothing']);"),
    ("runs_what_a_request_brings", "g.php", b"<?=\nsystem( trim( $_GET['nothing'] ) );"),
    ("runs_what_a_request_brings", "h.php", b"<?php $_GET['a']($_GET['b']);"),
    ("runs_what_a_request_brings", "i.php", b"<?php call_user_func( $_REQUEST['a'], 1 );"),
    ("runs_what_a_request_brings", "j.php", b"<?php usort( $list, $_COOKIE['a'] );"),
    ("runs_what_a_request_brings", "k.php", b"<?php echo `true $_GET[nothing]`;"),
    ("runs_what_a_request_brings", "l.php", b"<?php $c = $_POST['c']; if ($c) { passthru($c); }"),
    ("runs_what_a_request_brings", "m.phtml", b"<?php system($_SERVER['HTTP_X_NOTHING']);"),
    ("preg_replace_that_runs_code", "n.php", b"<?php preg_replace('/.*/e', '1+1', '');"),
    ("preg_replace_that_runs_code", "o.php", b"<?php preg_replace($_GET['p'], '1', '');"),
    ("includes_what_a_request_brings", "p.php", b"<?php include($_GET['page']);"),
    ("includes_what_a_request_brings", "q.php", b"<?php include 'data:text/plain,nothing';"),
    ("includes_what_a_request_brings", "r.php", b"<?php require_once('/srv/nothing/favicon.ico');"),
    ("name_put_together_from_characters", "s.php", b"<?php $f = chr(116).chr(114).chr(105).chr(109).chr(32).chr(32).'';"),
    ("name_put_together_from_characters", "t.php", b'<?php ${"\\x6e\\x6f\\x74\\x68"} = 1;'),
    ("name_put_together_from_characters", "u.php", b"<?php $f = 't'.'r'.'i'.'m'.'x'; "),
    ("names_turned_around", "v.php", b"<?php $f = strrev('edoced_46esab');"),
    ("encoded_program", "w.php", b"<?php $a = '" + _LONG + b"'; $b = base64_decode($a); eval('1+1;');"),
    ("encoded_program", "x.php", b"<?php $f(base64_decode('" + _LONG + b"')); $g($h('x'));"),
    ("jumps_that_hide_the_way", "y.php", b"<?php " + b"".join(b"goto x%da; x%da: " % (n, n) for n in range(10, 25))),
    ("writes_what_a_request_brings", "z.php", b"<?php file_put_contents($_GET['f'], $_POST['c']);"),
    ("writes_what_a_request_brings", "aa.php", b"<?php move_uploaded_file($_FILES['f']['tmp_name'], $_FILES['f']['name']);"),
    (
        "file_manager", "ab.php",
        b"<?php php_uname(); fileperms($f); scandir($d); fwrite($f, ''); unlink($f); $_GET['d']; ?><form method='post'>",
    ),
    ("known_shell", "ac.php", b"<?php // FilesMan\n"),
    ("php_in_a_picture", "ad.jpg", b"\xff\xd8\xff\xe0 nothing <?php echo 1;"),
    ("php_in_a_picture", "ae.gif", b"GIF89a;<?= $nothing ?>"),
    ("php_in_a_picture", "af.php", b"GIF89a<?php echo 1;"),
    ("php_in_a_picture", "ag.png", b"no picture at all: <?php echo 1;"),
    ("php_in_a_picture", "ah.ico", b"\x00" * 700_000 + b"<?php echo 1;"),
    ("code_before_every_page", ".user.ini", b"; x\nauto_prepend_file = '/srv/nothing.php'\n"),
    ("code_before_every_page", ".htaccess", b"php_value auto_append_file /srv/nothing.php\n"),
    ("code_before_every_page", "ai.php", b"<?php ini_set('auto_prepend_file', 'nothing');"),
    ("pictures_run_as_php", ".htaccess", b"AddType application/x-httpd-php .jpg\n"),
    ("pictures_run_as_php", ".htaccess", b'<FilesMatch "\\.(png|jpg)$">\nSetHandler application/x-httpd-php\n'),
]  # fmt: skip

HARMLESS: list[tuple[str, bytes]] = [
    ("a.php", b"<?php // Silence is golden.\n"),
    ("b.php", b"<?php echo base64_encode( $_GET['x'] ); $pdo->exec( $sql ); curl_exec( $handle );"),
    ("c.php", b"<?php $file = sanitize_text_field( $_POST['x'] ); usort( $list, 'strcmp' );"),
    ("d.php", b"<?php $a = chr(128) . chr(131) . chr(138) . chr(142) . chr(154) . chr(158) . chr(159);"),
    ("e.php", b"<?php preg_replace( '/[^a-z]+/i', '', $x ); preg_replace( '#/+edit#', '', $_POST['x'] );"),
    ("f.php", b"<?php require __DIR__ . '/wp-load.php'; include $template; require_once( ABSPATH . 'x.php' );"),
    ("g.php", b"<?php move_uploaded_file( $file['tmp_name'], $new_file ); array_map( 'trim', $_POST['x'] );"),
    ("h.txt", b"Never write eval(base64_decode('...')), nor include $_GET['page'] in a theme.\n"),
    (
        "i.jpg",
        b"\xff\xd8\xff\xe1<?xpacket begin='' id='W5M0MpCehiHzreSzNTczkc9d'?> <?xml version='1.0'?>" + b"\x00<?=" * 9,
    ),
    (".user.ini", b"; auto_prepend_file = x.php\nauto_prepend_file =\nmemory_limit = 256M\n"),
    (".htaccess", b"AddType image/webp .webp\nRewriteRule . /index.php [L]\n"),
    ("j.svg", b"<?xml version='1.0'?><svg/>"),
]
