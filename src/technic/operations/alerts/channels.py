"""Where alerts go: a webhook, a mailbox, or one of the services that apprise knows."""

from __future__ import annotations

import re
import smtplib
import ssl
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from email.message import EmailMessage
from importlib import import_module
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import orjson

from technic.errors import ConfigError, DeliveryError, not_installed
from technic.operations.alerts.book import Alert
from technic.operations.alerts.webhook_guard import checked_url, target_of
from technic.runtime.secrets import forget, keep, secrets_under
from technic.runtime.section import shown
from technic.runtime.settings import NAME, Settings

PATIENCE = 3.0  # seconds for a webhook, all in all
MOST = 64 << 10  # bytes of an answer that are read
SHOWN = 40  # alerts written out in one mail
OWN = {"file", "exec", "json", "jsons", "xml", "xmls", "form", "forms", "dbus", "syslog", "rsyslog"}
LOCAL = {"localhost", "127.0.0.1", "::1"}


@dataclass(frozen=True, slots=True)
class Channel:
    """A named place that alerts are sent to.

    Attributes
    ----------
    name : as scan files name it
    kind : "webhook", "mail" or "service"
    address : a URL; it holds a secret more often than not, and is never shown
    own_hosts : hosts of the user's own network that a webhook may reach
    """

    name: str
    kind: str
    address: str
    own_hosts: tuple[str, ...] = ()

    def __repr__(self) -> str:
        """Its name and kind; nothing of its address."""
        return f"Channel({self.name}, {self.kind})"

    @property
    def where(self) -> str:
        """As much of the address as may be shown."""
        parts = urlsplit(self.address)
        return f"{parts.scheme}://{parts.hostname or '…'}"

    def send(self, title: str, alerts: Sequence[Alert], key: str) -> None:
        """Send alerts of one evaluation.

        Parameters
        ----------
        title : of the message, in one line
        alerts : one or more
        key : names this message; sent again, it has the same key

        Raises
        ------
        DeliveryError
            If it was not taken.
        RefusedError
            If it may not be sent there.
        """
        if self.kind == "webhook":
            _post(self, title, alerts, key)
        elif self.kind == "mail":
            _mail(self.address, title, alerts, key)
        else:
            _notify(self.address, title, alerts)


def channel_of(name: str, address: str, own_hosts: tuple[str, ...] = ()) -> Channel:
    """A channel, checked as far as that can be done without sending anything.

    Parameters
    ----------
    address : https://… for a webhook, smtp://… or smtps://… for mail, or a URL of apprise
    own_hosts : hosts of the user's own network that a webhook may reach

    Raises
    ------
    ConfigError
        If the name or the address is none.
    """
    if not NAME.fullmatch(name):
        raise ConfigError(f"{name!r}: a channel's name is made of small letters, digits, - and _")
    scheme = address.partition(":")[0].lower()
    if scheme == "https":
        return Channel(name, "webhook", checked_url(address), own_hosts)
    if scheme == "http":
        raise ConfigError("a webhook's address begins with https://")
    if scheme in {"smtp", "smtps"}:
        _mailbox(address)
        return Channel(name, "mail", address)
    if not re.fullmatch(r"[a-z][a-z0-9+]*", scheme) or scheme in OWN or "://" not in address:
        raise ConfigError(
            "an address is https://… for a webhook, smtp://user:password@host:587/?to=you@host "
            "for mail, or one of apprise, such as tgram://…"
        )
    if not _apprise().Apprise().add(address):
        raise ConfigError(f"{scheme}:// is no service that apprise knows, or its address is cut")
    return Channel(name, "service", address)


def keep_channel(name: str, address: str, settings: Settings) -> Channel:
    """Check a channel and keep its address among the secrets.

    Raises
    ------
    ConfigError
        If the name or the address is none.
    """
    channel = channel_of(name, address, own_hosts(settings))
    keep(f"channel_{name}", address, settings)
    return channel


def forget_channel(name: str, settings: Settings) -> bool:
    """Take a channel away; says whether there was one."""
    return forget(f"channel_{name}", settings)


def channels_of(settings: Settings) -> dict[str, Channel]:
    """Every channel that is kept, by name."""
    hosts = own_hosts(settings)
    secrets = secrets_under("channel_", settings)
    return {name: channel_of(name, secret.value, hosts) for name, secret in sorted(secrets.items())}


def check_channels(names: Iterable[str], settings: Settings, what: str) -> None:
    """Refuse names of channels that do not exist: what is told to nobody is lost without a sign.

    Parameters
    ----------
    what : where the names stand, for the message

    Raises
    ------
    ConfigError
        If there is no channel of one of the names.
    """
    known = secrets_under("channel_", settings)
    if strange := next((name for name in names if name not in known), None):
        there = f"there are {', '.join(sorted(known))}" if known else "there is none yet"
        spelled = strange if NAME.fullmatch(strange) else "NAME"
        raise ConfigError(
            f"{what} names {shown(strange)}, which is no channel: {there}; add one: "
            f"technic alerts add {spelled} ADDRESS"
        )


def own_hosts(settings: Settings) -> tuple[str, ...]:
    """Hosts that webhooks may reach although their addresses are private."""
    return tuple(h.strip() for h in settings.value("webhook_hosts").split(",") if h.strip())


def _post(channel: Channel, title: str, alerts: Sequence[Alert], key: str) -> None:
    import httpx2  # slow to import

    content = orjson.dumps({"title": title, "key": key, "alerts": [a.as_dict() for a in alerts]})
    parts = urlsplit(channel.address)
    try:
        target = target_of(channel.address, channel.own_hosts)
        url = parts._replace(netloc=target.authority).geturl()
        headers = {
            "Host": parts.netloc,
            "Content-Type": "application/json",
            "Idempotency-Key": key,
            "User-Agent": "technic",
        }
        with (
            httpx2.Client(
                timeout=PATIENCE, follow_redirects=False, trust_env=False, verify=_trusted()
            ) as client,
            client.stream(
                "POST",
                url,
                content=content,
                headers=headers,
                extensions={"sni_hostname": target.host},
            ) as answer,
        ):
            read = 0
            for part in answer.iter_raw(4096):
                read += len(part)
                if read > MOST:  # a receiver that never ends its answer holds nobody up
                    break
            status = answer.status_code
    except (httpx2.HTTPError, OSError, ssl.SSLError) as error:
        raise DeliveryError(f"{channel.name}: {type(error).__name__}") from error
    if not 200 <= status < 300:
        raise DeliveryError(f"{channel.name}: answered {status}")


def _trusted() -> ssl.SSLContext:
    """Certificates of the system, or those that SSL_CERT_FILE names."""
    return ssl.create_default_context()


@dataclass(frozen=True, slots=True)
class Mailbox:
    """A mail server, and who writes to whom.

    Attributes
    ----------
    host, port : of the server
    encrypted : whether the connection is encrypted from its first byte
    user, password : empty if the server asks for none
    sender, to : mail addresses
    """

    host: str
    port: int
    encrypted: bool
    user: str
    password: str
    sender: str
    to: tuple[str, ...]


def _mailbox(address: str) -> Mailbox:
    """What an address of mail says; refuses one that could break a header."""
    parts = urlsplit(address)
    given = parse_qs(parts[3])  # what stands behind the question mark
    to = tuple(
        recipient for text in given.get("to", []) for recipient in text.split(",") if recipient
    )
    sender = given.get("from", [unquote(parts.username or "")])[0]
    plain = [*to, sender]
    if (
        not parts.hostname
        or not to
        or not all("@" in recipient and recipient.isprintable() for recipient in plain)
    ):
        raise ConfigError("mail is smtp://user:password@host:587/?from=me@host&to=you@host")
    encrypted = parts.scheme == "smtps"
    return Mailbox(
        parts.hostname,
        parts.port or (465 if encrypted else 587),
        encrypted,
        unquote(parts.username or ""),
        unquote(parts.password or ""),
        sender,
        to,
    )


def _mail(address: str, title: str, alerts: Sequence[Alert], key: str) -> None:
    box = _mailbox(address)
    message = EmailMessage()
    message["Subject"] = _one_line(title)
    message["From"], message["To"] = box.sender, ", ".join(box.to)
    message["Message-ID"] = f"<{key}@technic>"
    message.set_content(text_of(alerts))
    try:
        opened: Any = (
            smtplib.SMTP_SSL(box.host, box.port, timeout=10, context=_trusted())
            if box.encrypted
            else smtplib.SMTP(box.host, box.port, timeout=10)
        )
        with opened as server:
            if not box.encrypted and box.host not in LOCAL:
                server.starttls(context=_trusted())  # never a password in the clear
            if box.user and box.password:
                server.login(box.user, box.password)
            server.send_message(message)
    except (smtplib.SMTPException, OSError) as error:
        raise DeliveryError(f"mail: {type(error).__name__}") from error


def _notify(address: str, title: str, alerts: Sequence[Alert]) -> None:
    notifier = _apprise().Apprise()
    notifier.add(address)
    if not notifier.notify(title=_one_line(title), body=text_of(alerts)):
        raise DeliveryError("the service did not take it")


def _apprise() -> Any:
    try:
        return import_module("apprise")
    except ModuleNotFoundError as error:
        raise not_installed(error, "alerts", "services beside webhooks and mail") from error


def text_of(alerts: Sequence[Alert]) -> str:
    """Alerts as a plain message."""
    lines = [f"{a.kind:8} {a.symbol:8} {_one_line(a.detail)}" for a in alerts[:SHOWN]]
    if len(alerts) > SHOWN:
        lines.append(f"… and {len(alerts) - SHOWN} more")
    first = alerts[0]
    state = ", bars of the day so far" if first.provisional else ""
    lines.append(f"\nas of {first.as_of}{state}. Nothing here is advice.")
    return "\n".join(lines)


def _one_line(text: str) -> str:
    """Text that cannot begin another header or line."""
    return "".join(c if c.isprintable() else " " for c in text)[:200]
