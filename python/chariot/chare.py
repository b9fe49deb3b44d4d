"""Chare and what is made of it, under the name where programs of Charm4py look for them."""

from ._core import ARRAY, GROUP, Array, Chare, Group

__all__ = ["ARRAY", "GROUP", "Array", "Chare", "Group"]
