"""The simulated cmdlets, one file per subject. `runner.lab.commands` is the table of them all."""
