"""Live: what was agreed, told at once to stations, boards and planners that listen."""
