"""How a process shows what it does: metrics, liveness and readiness over HTTP."""
