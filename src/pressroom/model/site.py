"""Desired state in plain values: sites with their settings, and the node's settings with an example of each."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator, model_validator

from pressroom.model.errors import InvalidInput
from pressroom.model.names import valid_email
from pressroom.model.secrets import Secret

_NETWORKS = re.compile(r"[0-9A-Fa-f.:/, ]{1,4096}")
_THIS_MACHINE = frozenset({"localhost", "127.0.0.1", "::1"})


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


class SiteSettings(_Section):
    """What is switched for one site: what browsers get so that they show pages sooner, and what strangers may ask."""

    pictures: bool = Field(
        True, description="send JPEG and PNG pictures as AVIF or WebP, made ahead, to who takes them", examples=["off"]
    )
    assets: bool = Field(
        True,
        description="let browsers keep style sheets and scripts for a year: each version has an address of its own",
        examples=["off"],
    )
    styles: bool = Field(
        True, description="put small style sheets into stored pages, so that nobody waits for them", examples=["off"]
    )
    prefetch: bool = Field(
        True, description="let browsers ask for a page when its link is pressed, before it is let go", examples=["off"]
    )
    xmlrpc: bool = Field(
        False, description="answer at xmlrpc.php, which old apps and Jetpack use, and attackers", examples=["on"]
    )
    authors: bool = Field(
        False,
        description="tell strangers who has an account and has published: `?author=1`, `/wp-json/wp/v2/users`",
        examples=["on"],
    )
    firewall: Literal["off", "detect", "block"] = Field(
        "off",
        description="check what goes to PHP for attacks: not at all, to tell of them (site waf log), or to refuse them",
        examples=["block"],
    )
    scan: Literal["report", "quarantine"] = Field(
        "report",
        description="what is done with malware that is found among the site's files: tell, or take it away at once",
        examples=["quarantine"],
    )


class SiteStatus(Enum):
    """Where a site is in its life."""

    CREATING = "creating"
    READY = "ready"
    DELETING = "deleting"


@dataclass(frozen=True)
class Site:
    """One WordPress. ``name`` (``s12``) is its short name, never used again for another site."""

    name: str
    domain: str
    aliases: tuple[str, ...]
    title: str
    admin_email: str
    admin_user: str
    core: str
    previous_core: str | None
    source: str
    status: SiteStatus
    salts: tuple[tuple[str, Secret], ...]
    created_at: datetime
    settings: SiteSettings = field(default_factory=lambda: SiteSettings.model_validate({}))


class HttpSettings(_Section):
    """Where nginx listens."""

    listen: str = Field("127.0.0.1", description="address; `*` for all of the machine's", examples=["*"])
    port: int = Field(8080, ge=1, le=65535, description="port of HTTP", examples=[80])
    proxies: str | None = Field(
        None,
        description="proxies whose X-Forwarded-For is believed, in CIDR notation, with commas between",
        examples=["192.0.2.0/28,2001:db8::/48"],
    )

    @field_validator("listen")
    @classmethod
    def _an_address(cls, value: str) -> str:
        if value != "*":
            ipaddress.IPv4Address(value)
        return value

    @field_validator("proxies")
    @classmethod
    def _some_networks(cls, value: str | None) -> str | None:
        if value is None:
            return None
        if not _NETWORKS.fullmatch(value):  # the zone of an IPv6 address may be any text
            raise ValueError("write networks in CIDR notation, with commas between")
        networks = [ipaddress.ip_network(one.strip()) for one in value.split(",")]
        if any(network.prefixlen == 0 for network in networks):
            raise ValueError("everybody would be believed")
        return ",".join(map(str, networks))


class HttpsSettings(_Section):
    """HTTPS beside HTTP, at the same address."""

    port: int | None = Field(
        None,
        ge=1,
        le=65535,
        description="port of HTTPS, with certificates of the node's own authority; without one there is no HTTPS",
        examples=[8443],
    )


class CacheSettings(_Section):
    """Bounds of the page cache."""

    max_pages_per_site: int = Field(20_000, ge=1, description="stored pages a site at the most", examples=[100_000])
    render_concurrency: int = Field(2, ge=1, le=64, description="renders at once", examples=[4])
    audit_percent: float = Field(
        2.0, ge=0, le=100, description="percent of one core for checking stored pages; 0: none", examples=[5]
    )


class MailSettings(_Section):
    """Where WordPress's mail goes. Without a relay it is caught and shown by `site mail`."""

    relay_host: str | None = Field(
        None, pattern=r"^[A-Za-z0-9.:_-]{1,253}$", description="SMTP relay", examples=["smtp.example.org"]
    )
    relay_port: int = Field(587, ge=1, le=65535, description="its port", examples=[465])
    relay_user: str | None = Field(
        None, pattern=r"^[^\x00-\x1f\x7f-\x9f\u2028\u2029]{1,254}$", description="login name there", examples=["paper"]
    )
    relay_password: SecretStr | None = Field(None, description="password there", examples=["a password"])
    relay_tls: Literal["none", "starttls", "tls"] = Field(
        "starttls", description="none, starttls or tls", examples=["tls"]
    )
    sender: str | None = Field(None, description="envelope sender", examples=["paper@example.org"])

    @field_validator("sender")
    @classmethod
    def _a_bare_address(cls, value: str | None) -> str | None:
        try:
            return None if value is None else valid_email(value)
        except InvalidInput as error:
            raise ValueError(error.message) from error

    @model_validator(mode="after")
    def _login_is_whole_and_not_in_the_clear(self) -> MailSettings:
        if self.relay_host is None:
            return self
        if (self.relay_user is None) != (self.relay_password is None):
            raise ValueError("relay_user and relay_password go together")
        if self.relay_user is not None and self.relay_tls == "none" and self.relay_host not in _THIS_MACHINE:
            raise ValueError("a password needs relay_tls: starttls or tls")
        return self


# Bytes; WordPress asks for 40 MB for a page, and for more in wp-admin.
_LEAST_MEMORY = 64 * 2**20


def _bytes(size: str) -> int:
    """Of a size as PHP writes it."""
    return int(size.rstrip("KMG")) * {"K": 2**10, "M": 2**20, "G": 2**30}.get(size[-1], 1)


class PhpSettings(_Section):
    """Bounds of one site's PHP."""

    max_children: int = Field(
        4, ge=1, le=200, description="requests at once, of known people and of guests each", examples=[8]
    )
    memory_limit: str = Field("256M", pattern=r"^[0-9]+[KMG]?$", description="memory of one request", examples=["512M"])
    upload_max: str = Field("64M", pattern=r"^[0-9]+[KMG]?$", description="largest upload", examples=["256M"])
    sleep_seconds: int = Field(
        60, ge=0, le=86_400, description="seconds without a request until a site's PHP sleeps; 0: never", examples=[600]
    )
    object_cache_mb: int = Field(
        64, ge=0, le=4096, description="MiB of each site for WordPress's object cache; 0: none", examples=[256]
    )
    jit_mb: int = Field(
        0, ge=0, le=1024, description="MiB of each site for code that PHP's JIT makes; 0: none", examples=[64]
    )

    @field_validator("memory_limit")
    @classmethod
    def _enough_memory(cls, value: str) -> str:
        if _bytes(value) < _LEAST_MEMORY:
            raise ValueError("WordPress needs 64M at least")
        return value


class TenantSettings(_Section):
    """Bounds of all that runs for one site, its PHP and what that starts, where the machine can hold them."""

    memory_mb: int = Field(1536, ge=256, description="MiB of memory", examples=[4096])
    processes: int = Field(200, ge=30, le=100_000, description="processes and threads", examples=[400])
    reach: str | None = Field(
        None,
        description="private networks that sites may connect to, in CIDR notation, with commas between",
        examples=["10.0.0.5/32,192.168.7.0/24"],
    )
    open_files: int = Field(4096, ge=256, le=1_000_000, description="open files of one process", examples=[16384])
    disk_mb: int = Field(10_240, ge=512, description="MiB of files on disk", examples=[51_200])
    files: int = Field(400_000, ge=20_000, description="files, folders and links on disk", examples=[1_000_000])
    database_mb: int = Field(4096, ge=64, description="MiB of its database's tables on disk", examples=[16_384])
    binlog_mb: int = Field(20_480, ge=512, description="MiB of MariaDB's binlog, of all sites", examples=[51_200])
    images: bool = Field(
        False,
        description="keep each new site in a file system of its own, in a file, where the disk has no quotas",
        examples=["on"],
    )
    connections: int = Field(40, ge=20, le=400, description="connections to MariaDB at once", examples=[60])
    statement_seconds: int = Field(
        30, ge=0, le=3600, description="seconds of one SQL statement for a visitor or an editor; 0: any", examples=[60]
    )

    @field_validator("reach")
    @classmethod
    def _networks(cls, value: str | None) -> str | None:
        return None if value is None else ",".join(str(ipaddress.IPv4Network(one.strip())) for one in value.split(","))


class NodeSettings(_Section):
    """All settings of a node, by section."""

    http: HttpSettings = HttpSettings.model_construct(listen="127.0.0.1", port=8080, proxies=None)
    https: HttpsSettings = HttpsSettings.model_construct(port=None)
    cache: CacheSettings = Field(default_factory=lambda: CacheSettings.model_validate({}))
    mail: MailSettings = Field(default_factory=lambda: MailSettings.model_validate({}))
    php: PhpSettings = Field(default_factory=lambda: PhpSettings.model_validate({}))
    tenants: TenantSettings = Field(default_factory=lambda: TenantSettings.model_validate({}))


def opened(value: Any) -> Any:
    """Settings, or what holds some, in plain values with passwords open."""
    if isinstance(value, BaseModel):
        return {name: opened(getattr(value, name)) for name in type(value).model_fields}
    if isinstance(value, tuple | list):
        return [opened(one) for one in value]
    if isinstance(value, dict):
        return {key: opened(one) for key, one in value.items()}
    return value.get_secret_value() if isinstance(value, SecretStr) else value
