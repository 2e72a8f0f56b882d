"""Statistical process control, one value at a time: charts, rules, and what a process is able to."""
