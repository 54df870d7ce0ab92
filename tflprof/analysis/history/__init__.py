"""The history: a directory of profiles as a store that can be asked, and the steps in its series."""
