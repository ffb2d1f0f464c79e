"""The import contracts cover the tree as it is, and not as it was when they were written."""

import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[2]


class TestContracts:
    def test_bind_every_package_of_ours(self) -> None:
        """A package that import-linter does not read may import whatever it likes."""
        settings = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]
        ours = {name for name in ("trader", "bot") if (ROOT / name / "__init__.py").is_file()}

        assert set(settings["root_packages"]) == ours

    def test_let_the_bot_see_only_the_port(self) -> None:
        """Once there is a bot, a contract forbids it every part of trader but the port."""
        settings = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]
        bots = [c for c in settings["contracts"] if "bot" in c.get("source_modules", ())]
        exists = (ROOT / "bot" / "__init__.py").is_file()

        assert bool(bots) == exists
        assert all("trader.port" not in c["forbidden_modules"] for c in bots)
