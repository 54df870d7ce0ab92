"""What `tflprof doctor` looks at, by what it is about. Nothing here changes the machine."""
