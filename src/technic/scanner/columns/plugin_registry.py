"""Plugins that are installed, and which of them their user has trusted, as they are now."""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import blake2b
from importlib.metadata import entry_points
from importlib.util import find_spec
from pathlib import Path

from technic.errors import ConfigError
from technic.runtime.settings import Settings, write_settings

GROUP = "technic.scores"


@dataclass(frozen=True, slots=True)
class Plugin:
    """One function that an installed package offers.

    Attributes
    ----------
    target : "module:function"
    digest : of every Python file of its top-level package; empty if it cannot be found
    trusted : whether the user said so of these very files
    """

    name: str
    target: str
    digest: str
    trusted: bool


def installed_plugins(settings: Settings) -> list[Plugin]:
    """List every plugin that is installed, by name; none of them is imported."""
    pinned = _pinned(settings)
    plugins = {}
    for entry in entry_points(group=GROUP):
        digest = digest_of_module(entry.value.partition(":")[0])
        plugins[entry.name] = Plugin(
            entry.name, entry.value, digest, bool(digest) and pinned.get(entry.name) == digest
        )
    return [plugins[name] for name in sorted(plugins)]


def plugin_named(settings: Settings, name: str) -> Plugin:
    """Return a plugin that may run.

    Raises
    ------
    ConfigError
        If none of that name is installed, or its user has not trusted these very files.
    """
    plugins = {plugin.name: plugin for plugin in installed_plugins(settings)}
    if name not in plugins:
        names = ", ".join(plugins) or "none"
        raise ConfigError(f"python('{name}'): no such plugin is installed; there are: {names}")
    plugin = plugins[name]
    if not plugin.trusted:
        changed = name in _pinned(settings)
        why = "has changed since you trusted it" if changed else "is code that you have not trusted"
        raise ConfigError(f"python('{name}') {why}; read it, then: technic plugins trust {name}")
    return plugin


def trust(settings: Settings, name: str, *, trusted: bool = True) -> Plugin:
    """Let a plugin run as it is now, or no longer; written into the user's settings.

    Parameters
    ----------
    settings : whose file is changed
    name : of the plugin
    trusted : whether its files, as they are now, may run

    Returns
    -------
    Plugin
        As it is from now on.

    Raises
    ------
    ConfigError
        If it is to be trusted and none of that name is installed.
    """
    plugins = {plugin.name: plugin for plugin in installed_plugins(settings)}
    if trusted and (name not in plugins or not plugins[name].digest):
        raise ConfigError(f"{name}: no such plugin is installed; there are: {', '.join(plugins)}")
    pinned = _pinned(settings)
    pinned.pop(name, None)
    if trusted:
        pinned[name] = plugins[name].digest
    write_settings(settings, plugins=",".join(f"{k}@{v}" for k, v in sorted(pinned.items())))
    return plugins.get(name, Plugin(name, "", "", trusted=False))


def _pinned(settings: Settings) -> dict[str, str]:
    """Digests the user has trusted, by name."""
    parts = settings.value("plugins").split(",")
    return {name: digest for name, at, digest in (p.partition("@") for p in parts) if at}


def digest_of_module(module: str) -> str:
    """Return a digest of every Python file of a module's top-level package, importing none.

    Empty if the package cannot be found.
    """
    try:
        spec = find_spec(module.partition(".")[0])
    except (ImportError, ValueError):
        return ""
    if spec is None:
        return ""
    roots = [Path(place) for place in spec.submodule_search_locations or ()]
    files = [path for root in roots for path in sorted(root.rglob("*.py"))]
    if not files and spec.origin and spec.has_location:  # a module built into Python has no file
        files = [Path(spec.origin)]
    digest = blake2b(digest_size=16)
    for path in files:
        digest.update(path.name.encode() + b"\0" + path.read_bytes())
    return digest.hexdigest() if files else ""
