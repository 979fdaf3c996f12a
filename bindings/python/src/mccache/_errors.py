"""What can go wrong, as exceptions. Each is also the built-in that a Python programmer would catch.

The extension module raises them by the status of the call; the messages are the core's own.
"""

import builtins


class Error(Exception):
    """Base of everything mccache raises, but for ``KeyError`` and ``TypeError``."""


class InvalidArgumentError(Error, ValueError):
    """An argument is out of range. Nothing was changed."""


class TooLargeError(Error, ValueError):
    """The key or the value is longer than accepted. Nothing was changed."""


class CodecError(Error, ValueError):
    """A value cannot be written in, or read from, the form in which it crosses to other members."""


class ClosedError(Error):
    """The cache or its node was closed."""


class TimeoutError(Error, builtins.TimeoutError):  # noqa: A001 - reads as mccache.TimeoutError
    """The time allowed ran out. What was waited for may still happen."""


class ConfigError(Error, ValueError):
    """A setting or a configuration file is wrong; the message names it, where it stands and what is accepted."""


class NetworkError(Error, OSError):
    """The network could not be set up or used; the message has the system's answer and a cure."""


class InternalError(Error, RuntimeError):
    """A promise of mccache did not hold: a bug in it, worth a report."""
