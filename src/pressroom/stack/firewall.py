"""The firewall's configuration as text: an nginx of its own with ModSecurity, and the rules it goes by (ADR 22)."""

from __future__ import annotations

import hashlib
import platform
from pathlib import Path

from pressroom.model.layout import Layout
from pressroom.model.site import NodeSettings
from pressroom.stack import nginx
from pressroom.stack.templates import fill

MODULE = "/usr/lib/nginx/modules/ngx_http_modsecurity_module.so"
CORE_RULES = Path("/usr/share/modsecurity-crs/rules")  # of Debian's modsecurity-crs
# Of the Core Rule Set those for requests to WordPress. Left out: other applications, Java and Node, lists of addresses,
# counting of requests, and all that reads answers, which would have to be held back for it.
CORE_RULE_FILES = (
    "REQUEST-901-INITIALIZATION.conf",
    "REQUEST-903.9002-WORDPRESS-EXCLUSION-RULES.conf",
    "REQUEST-905-COMMON-EXCEPTIONS.conf",
    "REQUEST-911-METHOD-ENFORCEMENT.conf",
    "REQUEST-913-SCANNER-DETECTION.conf",
    "REQUEST-920-PROTOCOL-ENFORCEMENT.conf",
    "REQUEST-921-PROTOCOL-ATTACK.conf",
    "REQUEST-922-MULTIPART-ATTACK.conf",
    "REQUEST-930-APPLICATION-ATTACK-LFI.conf",
    "REQUEST-931-APPLICATION-ATTACK-RFI.conf",
    "REQUEST-932-APPLICATION-ATTACK-RCE.conf",
    "REQUEST-933-APPLICATION-ATTACK-PHP.conf",
    "REQUEST-941-APPLICATION-ATTACK-XSS.conf",
    "REQUEST-942-APPLICATION-ATTACK-SQLI.conf",
    "REQUEST-943-APPLICATION-ATTACK-SESSION-FIXATION.conf",
)
EVALUATION = "REQUEST-949-BLOCKING-EVALUATION.conf"
# ModSecurity makes and frees strings at each rule: by this allocator a request takes a ninth less of the processor.
ALLOCATOR = Path(f"/usr/lib/{platform.machine()}-linux-gnu/libjemalloc.so.2")
ENVIRONMENT = (("LD_PRELOAD", str(ALLOCATOR)), ("MALLOC_CONF", "narenas:1,dirty_decay_ms:60000"))
PACKAGES = {
    "libjemalloc2": ALLOCATOR,
    "libnginx-mod-http-modsecurity": Path(MODULE),
    "modsecurity-crs": CORE_RULES / EVALUATION,
}
# How much of a body is looked at, in bytes. What takes longest in 32 KiB, a form of a thousand fields, takes 70 ms;
# in 128 KiB it takes a second, and other requests for PHP wait for it.
BODY_LIMIT = 32 * 1024


def config(layout: Layout, settings: NodeSettings) -> str:
    """Of its nginx."""
    return fill(
        "firewall.conf.j2",
        module=MODULE,
        web_user=layout.web_user,
        pid=layout.firewall_pid,
        log=layout.log / "firewall.log",
        run=layout.firewall_run,
        socket=layout.firewall_socket,
        rules=layout.firewall_rules,
        fastcgi=layout.nginx_fastcgi,
        sites=layout.sites,
        upload_max=settings.php.upload_max,
        down=nginx.DOWN,
    )


def rules(layout: Layout) -> str:
    """ModSecurity's own settings, the platform's exclusions, and the Core Rule Set between them."""
    return fill(
        "firewall-rules.conf.j2",
        body_limit=BODY_LIMIT,
        run=layout.firewall_run,
        log=layout.firewall_log,
        core=[CORE_RULES / name for name in CORE_RULE_FILES],
        evaluation=CORE_RULES / EVALUATION,
        refused=nginx.REFUSED,
    )


def version(layout: Layout, settings: NodeSettings) -> str:
    """A name for all this, by which the firewall is started anew when it changes."""
    texts = (config(layout, settings), rules(layout), nginx.fastcgi_config(layout, settings))
    return hashlib.blake2b(repr(texts).encode(), digest_size=8).hexdigest()
