"""What holds in a region: the pack with the region's patch merged in (RFC 7396: a null takes an entry away)."""

from typing import Any

import msgspec

from glassbed.policy.vocabulary import Pack


def patched(pack: Pack, region: str) -> Pack:
    """Return the pack as it holds in a region. Raises `msgspec.ValidationError` if the patch makes no pack."""
    tree = merged(msgspec.to_builtins(pack), pack.regions[region].patch)
    tree["regions"] = {}
    return msgspec.convert(tree, Pack)


def merged(tree: Any, patch: Any) -> Any:
    """Merge a patch into a tree of mappings, neither of which is changed."""
    if not isinstance(patch, dict):
        return patch
    found = dict(tree) if isinstance(tree, dict) else {}
    for key, value in patch.items():
        if value is None:
            found.pop(key, None)
        else:
            found[key] = merged(found.get(key), value)
    return found
