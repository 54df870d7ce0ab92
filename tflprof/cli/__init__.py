"""The command line: one thin file per verb. Heavy imports happen inside the commands, so that help is quick."""
