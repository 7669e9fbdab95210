"""Tells benchd what this interpreter is, and where it looks for programs and libraries.

The first argument names the variables to tell, with commas between. The others are the modules of which it tells
those that it can import.
"""

import importlib.util
import json
import os
import platform
import sys
import sysconfig

try:
    from importlib.metadata import version
except ImportError:  # before 3.8
    version = None


def find(module):
    """Return the version of a module, "" if it has none to tell, None if it cannot be imported."""
    try:
        spec = importlib.util.find_spec(module)
    except Exception:  # of a parent package, which is imported and may raise anything
        return None
    # A namespace package, without origin, is any folder of that name.
    if spec is None or spec.origin is None:
        return None
    try:
        return version(module)
    except Exception:  # the distribution has another name, or broken metadata
        return ""


# The programs are files: they see their own folder here, not the current one.
sys.path = [path for path in sys.path if path]
found = {module: find(module) for module in sys.argv[2:]}
print(
    json.dumps(
        {
            "implementation": sys.implementation.name,
            "version": platform.python_version(),
            "executable": sys.executable,
            "free_threads": bool(sysconfig.get_config_var("Py_GIL_DISABLED")),
            "environment": {name: os.environ[name] for name in sys.argv[1].split(",") if name in os.environ},
            "modules": {module: known for module, known in found.items() if known is not None},
        }
    )
)
