"""The devices that push messages go to, and who has any: the directory knows, so that nobody is
told by push who has none."""

from __future__ import annotations

from collections.abc import Sequence

from holdshort.engine.engine import Engine
from holdshort.notify.push_devices import KIND
from holdshort.store.base import Device, Entry, EntryKind, Tx

_WHO: EntryKind = "pushed"


async def add(engine: Engine, device: Device, before: Device | None) -> None:
    """Keep a device, in the place of what it was before: a browser is one person's."""

    def write(tx: Tx) -> None:
        if before is not None:
            tx.delete_device(before.tenant, KIND, before.id)
        tx.put_device(device)
        tx.put_entry(device.tenant, Entry(kind=_WHO, name=device.person, doc={}))

    await engine.write_directory(write)
    if before is not None and (before.tenant, before.person) != (device.tenant, device.person):
        await _note(engine, before.tenant, before.person)


async def drop(engine: Engine, devices: Sequence[Device]) -> None:
    """Forget devices."""
    if not devices:
        return
    await engine.write(lambda tx: [tx.delete_device(one.tenant, KIND, one.id) for one in devices])
    for tenant, person in {(one.tenant, one.person) for one in devices}:
        await _note(engine, tenant, person)


async def _note(engine: Engine, tenant: str, person: str) -> None:
    """Let the directory know where a person has no device any more."""

    async def has_some() -> bool:
        return bool(await engine.read(engine.store.devices, tenant, KIND, person))

    if await has_some():
        return
    await engine.write_directory(lambda tx: tx.delete_entry(tenant, _WHO, person))
    # One that was added at this moment has written the entry before it was deleted.
    if await has_some():
        entry = Entry(kind=_WHO, name=person, doc={})
        await engine.write_directory(lambda tx: tx.put_entry(tenant, entry))
