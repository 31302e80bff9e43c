// The load generator as a process of its own, so that what the bench does besides never delays a request. Ends with its parent.
import type { Load } from "./load.ts";
import { runLoad } from "./load.ts";

process.on("message", (load: Load) => {
	runLoad(load).then(
		(result) => process.send?.({ result }),
		(error: unknown) => process.send?.({ error: String(error) }),
	);
});
process.on("disconnect", () => process.exit());
// The bench decides when to end: ctrl-c reaches the whole process group.
process.on("SIGINT", () => {});
