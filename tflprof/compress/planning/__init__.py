"""The planner: costs and losses of options, the solver, the plan file."""
