"""Exceptions. A message is one sentence: what failed, where, and what to do."""

from __future__ import annotations


class BeautylensError(Exception):
    """Base class of all errors of Beautylens."""


class ImageError(BeautylensError):
    """A picture cannot be read, is damaged, or is larger than allowed."""


class TableError(BeautylensError):
    """A catalogue or truth table has a wrong column, row or value."""


class DownloadError(BeautylensError):
    """A download failed."""


class RecipeError(BeautylensError):
    """A recipe is missing, malformed, or names a setting that does not exist."""


class EncoderError(BeautylensError):
    """An encoder file is missing, malformed, or not the one a collection was built with."""


class MissingExtraError(BeautylensError):
    """A package of an optional extra is not installed; the message is the line that installs it."""


class CollectionError(BeautylensError):
    """A collection is missing, unfinished, or does not support the request."""


class QueryError(BeautylensError):
    """A filter, crop, limit or option of a call is invalid."""


class ServeError(BeautylensError):
    """A server cannot be started with the given options."""
