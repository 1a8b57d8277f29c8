"""Parse: from files to the model, every value with its place, every mistake at once."""

from runner.parse.extra_vars import parse_extra_vars
from runner.parse.inventory import parse_inventory
from runner.parse.patterns import select
from runner.parse.playbook import parse_playbook

__all__ = ["parse_extra_vars", "parse_inventory", "parse_playbook", "select"]
