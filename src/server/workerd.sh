#!/usr/bin/env bash
# Stands where Miniflare looks for workerd: writes down its process id before it becomes workerd under a name of its own.
# workerd outlives a parent that is killed, and would go on holding the data; see orphan.ts.
echo "$$" >"$SPILLWAY_WORKERD_PID_FILE"
exec -a "$SPILLWAY_WORKERD_NAME" "$SPILLWAY_WORKERD" "$@"
