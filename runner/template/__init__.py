"""Templates: Ansible's Jinja2, sandboxed, strict and typed (design section 7)."""

from runner.template.errors import TemplateError, UndefinedName
from runner.template.guards import Incomplete, unusable
from runner.template.templates import Templates

__all__ = ["Incomplete", "TemplateError", "Templates", "UndefinedName", "unusable"]
