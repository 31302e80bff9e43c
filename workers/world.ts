// The platform as the engine sees it: an object's storage and alarm, the clock, chance, and where events are printed.
import type { Sql, World } from "../src/engine/ports.ts";
import { report } from "./report.ts";

export function worldOf({ storage }: DurableObjectState): World {
	return {
		storage: {
			sql: storage.sql as Sql,
			transactionSync: (work) => storage.transactionSync(work),
			sync: () => storage.sync(),
			setAlarm: (at) => storage.setAlarm(at),
		},
		now: () => Date.now(),
		random: () => Math.random(),
		wait: (ms) => {
			const { promise, resolve } = Promise.withResolvers<void>();
			const timer = setTimeout(resolve, ms);
			return { done: promise, cancel: () => clearTimeout(timer) };
		},
		report,
	};
}
