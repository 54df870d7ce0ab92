"""Making models cheaper: methods that change a .tflite file, and the planner that chooses among them."""
