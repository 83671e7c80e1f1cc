"""What the root helper may be asked: fixed verbs, each with typed arguments. What is not of these is refused.

Whoever asks says what a site should be, never where that is or how it is done: paths, users, programs and configuration
are the helper's own, made of a site's short name and of values that are checked here.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any, Literal

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    TypeAdapter,
    ValidationError,
    field_validator,
    model_validator,
)

from pressroom.model.errors import Drifted, InvalidInput
from pressroom.model.names import Domain, valid_admin_user, valid_email, valid_title
from pressroom.model.secrets import SALT_NAMES, SALT_PATTERN, Secret
from pressroom.model.site import NodeSettings, Site, SiteSettings, SiteStatus, opened
from pressroom.model.trail import Sealed
from pressroom.pagecache.roster import RosterSite


def _checked(check: Any) -> BeforeValidator:
    """By one of `model.names`, which say why not."""

    def validate(value: Any) -> str:
        try:
            return str(check(str(value)))
        except InvalidInput as error:
            raise ValueError(error.message) from error

    return BeforeValidator(validate)


_SiteName = Annotated[str, Field(pattern=r"^s[1-9][0-9]{0,6}$")]
_DomainName = Annotated[str, _checked(Domain.parse)]
_CoreName = Annotated[str, Field(pattern=r"^[0-9][0-9A-Za-z.+-]{0,31}-[0-9a-f]{12}$")]
_Salt = Annotated[str, Field(pattern=SALT_PATTERN)]
_Digest = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class _Message(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


class WantedSite(_Message):
    """As much of a site as its plan is made of."""

    name: _SiteName
    domain: _DomainName
    aliases: tuple[_DomainName, ...] = Field(max_length=1000)
    title: Annotated[str, _checked(valid_title)]
    admin_email: Annotated[str, _checked(valid_email)]
    admin_user: Annotated[str, _checked(valid_admin_user)]
    core: _CoreName
    salts: dict[str, _Salt]
    settings: SiteSettings

    @field_validator("salts")
    @classmethod
    def _all_of_them(cls, value: dict[str, str]) -> dict[str, str]:
        if set(value) != set(SALT_NAMES):
            raise ValueError("not WordPress's eight keys and salts")
        return value

    @classmethod
    def of(cls, site: Site) -> WantedSite:
        return cls(
            name=site.name, domain=site.domain, aliases=site.aliases, title=site.title, admin_email=site.admin_email,
            admin_user=site.admin_user, core=site.core, salts={name: salt.reveal() for name, salt in site.salts},
            settings=site.settings,
        )  # fmt: skip

    def site(self) -> Site:
        """What its plan does not look at is left empty."""
        salts = tuple((name, Secret(salt)) for name, salt in self.salts.items())
        return Site(
            self.name, self.domain, self.aliases, self.title, self.admin_email, self.admin_user, self.core, None, "",
            SiteStatus.READY, salts, datetime.fromtimestamp(0, UTC), self.settings,
        )  # fmt: skip


def checked(site: Site) -> Site:
    """For root's own command, which reads what the control user wrote. Raises Drifted where that cannot be."""
    try:
        return WantedSite.of(site).site()
    except ValidationError as error:
        where = ", ".join(".".join(map(str, one["loc"])) for one in error.errors(include_input=False))
        hint = "put the node's state back from a backup"
        raise Drifted(f"what the node's state says of {site.name} does not hold: {where}", hint=hint) from error


class ListedSite(_Message):
    """A site as the daemons are told of it."""

    name: _SiteName
    domain: _DomainName
    host: Annotated[str, Field(pattern=r"^[a-z0-9.-]{1,253}(:[0-9]{1,5})?$")]
    pictures: bool
    core: _CoreName
    scan: Literal["report", "quarantine"]

    @classmethod
    def of(cls, site: RosterSite) -> ListedSite:
        fields = {name: getattr(site, name) for name in cls.model_fields}
        return cls.model_validate(fields)

    def site(self) -> RosterSite:
        return RosterSite(**{name: getattr(self, name) for name in type(self).model_fields})


class CopiedLine(_Message):
    """A line of the audit trail: one line, of ASCII."""

    number: int = Field(ge=1, lt=2**53)
    text: Annotated[str, Field(pattern=r"^[ -~]+$", max_length=2**18)]
    hash: _Digest

    @model_validator(mode="after")
    def _is_a_line(self) -> CopiedLine:
        if Sealed(self.number, self.text, self.hash).read() is None:
            raise ValueError("no line of the audit trail, or its number or hash is another's")
        return self

    @classmethod
    def of(cls, row: Sealed) -> CopiedLine:
        return cls(number=row.number, text=row.text, hash=row.hash)

    def row(self) -> Sealed:
        return Sealed(self.number, self.text, self.hash)


class Programs(_Message):
    """Which programs of the node there are, and what they are doing."""

    op: Literal["programs"] = "programs"


class MakeNode(_Message):
    """Bring the node itself to these settings."""

    op: Literal["make_node"] = "make_node"
    settings: NodeSettings


class _OfSite(_Message):
    site: WantedSite
    settings: NodeSettings


class MakeSite(_OfSite):
    """Bring one site to what it should be."""

    op: Literal["make_site"] = "make_site"
    roster: tuple[ListedSite, ...]


class RemoveSite(_OfSite):
    """Take one away."""

    op: Literal["remove_site"] = "remove_site"
    roster: tuple[ListedSite, ...]


class RepairCore(_OfSite):
    """Put a site's core right."""

    op: Literal["repair_core"] = "repair_core"


class RenewCertificate(_OfSite):
    """With another key."""

    op: Literal["renew_certificate"] = "renew_certificate"


class WriteLogin(_OfSite):
    """Let a link log in: the SHA-256 of its token, in hex; until when, in Unix seconds; whom (empty: the first
    administrator).
    """

    op: Literal["write_login"] = "write_login"
    digest: _Digest
    until: int
    user: str = Field(max_length=60)


class ForgetLogins(_OfSite):
    """No link logs in any more."""

    op: Literal["forget_logins"] = "forget_logins"


class KeepCore(_Message):
    """Store a WordPress core: Debian's, or one that lies in a folder of this name among those that come in."""

    op: Literal["keep_core"] = "keep_core"
    incoming: Annotated[str, Field(pattern=r"^[a-z0-9_]{1,40}$")] | None


class RoomOf(_Message):
    """What a site has on disk."""

    op: Literal["room"] = "room"
    site: _SiteName


class CopyTrail(_Message):
    """Append lines to the audit trail's copy, which nobody else can."""

    op: Literal["copy_trail"] = "copy_trail"
    rows: tuple[CopiedLine, ...]
    anyway: bool


Request = (
    Programs | MakeNode | MakeSite | RemoveSite | RepairCore | RenewCertificate | WriteLogin | ForgetLogins | KeepCore
    | RoomOf | CopyTrail
)  # fmt: skip
_ANY: TypeAdapter[Request] = TypeAdapter(Annotated[Request, Field(discriminator="op")])


def parse(line: bytes) -> Request:
    """Raises ValueError (pydantic's) which names what is wrong, and holds no value."""
    return _ANY.validate_json(line)


def encode(request: Request) -> dict[str, Any]:
    """As JSON can hold it, secrets open: it goes to root alone."""
    plain: dict[str, Any] = opened(request)
    return plain
