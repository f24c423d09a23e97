"""Every error a user can meet: what happened, where, and what to do about it."""

from __future__ import annotations


class BeautylensError(Exception):
    """The root of all errors raised on purpose; its text is one sentence for a person."""


class ImageError(BeautylensError):
    """A picture cannot be read, is damaged, or is larger than allowed."""


class TableError(BeautylensError):
    """A catalogue or truth table has a wrong column, row or value."""


class DownloadError(BeautylensError):
    """A file that a command needs did not come from its address."""


class RecipeError(BeautylensError):
    """A recipe is missing, malformed, or names a setting that does not exist."""


class EncoderError(BeautylensError):
    """An encoder file is missing, malformed, or not the one a collection was built with."""


class MissingExtraError(BeautylensError):
    """A package of an optional extra is not installed; the message is the line that installs it."""


class CollectionError(BeautylensError):
    """A collection is missing, unfinished, or cannot do what was asked of it."""


class QueryError(BeautylensError):
    """Something was asked for with a filter, crop, limit or option that cannot be understood."""


class ServeError(BeautylensError):
    """A server cannot be started as it was asked to."""
