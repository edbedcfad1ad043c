"""The part of the contract that is no scenario: its fixtures, and what an adapter declines."""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import ClassVar

import pytest

from holdshort.testing.adapter.play import Lab, Play

_PREFIX = "test_"


class Base:
    """Fixtures, and what an adapter declines.

    `declined` maps the name of a scenario (its method without `test_`) to the reason why this
    adapter cannot play it. A name that is no scenario, or an empty reason, fails every test.
    """

    bench: ClassVar[Path]
    declined: ClassVar[Mapping[str, str]] = {}

    @classmethod
    def scenarios(cls) -> list[str]:
        """Return the names of all scenarios."""
        return sorted(
            name.removeprefix(_PREFIX)
            for part in cls.__mro__
            if part.__module__.startswith(__name__.rpartition(".")[0])
            for name in vars(part)
            if name.startswith(_PREFIX)
        )

    @classmethod
    def capabilities(cls) -> dict[str, str]:
        """Return, for each scenario, `covered` or the reason why it is declined."""
        cls._check()
        return {name: cls.declined.get(name, "covered") for name in cls.scenarios()}

    @classmethod
    def _check(cls) -> None:
        known = cls.scenarios()
        unknown = sorted(set(cls.declined) - set(known))
        assert not unknown, f"declined are scenarios that there are not: {unknown}"
        mute = sorted(name for name, reason in cls.declined.items() if not reason.strip())
        assert not mute, f"declined without a reason: {mute}"
        replaced = [name for name in known if _PREFIX + name in _own(cls)]
        assert not replaced, f"a scenario is declined, not replaced: {replaced}"

    @pytest.fixture(autouse=True)
    def _declared(self, request: pytest.FixtureRequest) -> None:
        """Skip what is declined, and fail where the declaration itself is wrong."""
        self._check()
        name = request.function.__name__.removeprefix(_PREFIX)
        if name in self.declined:
            pytest.skip(self.declined[name])

    @pytest.fixture(scope="class")
    @classmethod
    def lab(cls, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
        """The server and the warm processes of the class."""
        lab = Lab(cls.bench, tmp_path_factory.mktemp("lab"))
        yield lab
        lab.close()

    @pytest.fixture
    def play(self, lab: Lab, tmp_path: Path) -> Iterator[Play]:
        """A scenario of its own."""
        folder = tmp_path / "scene"
        folder.mkdir()
        play = Play(lab, folder, f"run-{uuid.uuid4().hex}")
        yield play
        play.close()


def _own(cls: type) -> set[str]:
    """What a class and its bases outside of the contract define."""
    contract = __name__.rpartition(".")[0]
    others = (part for part in cls.__mro__ if not part.__module__.startswith(contract))
    return {name for part in others for name in vars(part)}
