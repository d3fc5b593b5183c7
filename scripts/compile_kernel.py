"""Compile the indicators into the home that TECHNIC_HOME names, unless they are there.

A step of its own before the tests: on a busy machine it takes minutes, and the time limit of the
first test to need it would run out.
"""

from technic.compute.kernel import ensure_compiled
from technic.runtime.settings import Settings

ensure_compiled(Settings.load().kernels)
