"""The singleton and its error, under the name where programs of Charm4py look for them: `from chariot.charm import
Charm4PyError`. As an attribute of the package, `charm` is the singleton itself."""

from ._core import Charm4PyError, Options, charm

__all__ = ["Charm4PyError", "Options", "charm"]
