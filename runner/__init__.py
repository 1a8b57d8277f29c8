"""ce-runner: shows exactly what it will change on Windows hosts, changes exactly that, proves it, takes it back."""

__version__ = "0.1.0"
