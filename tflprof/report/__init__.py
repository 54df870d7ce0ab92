"""Reports of a profile: one file per format. They are made from files and need no device."""
