// The platform as the engine sees it: an object's storage and alarm, the clock, chance, and where events are printed.
import type { Sql, World } from "../src/engine/ports.ts";
import { report } from "./report.ts";

export const clock: Pick<World, "now" | "wait"> = {
	now: () => Date.now(),
	wait: (ms) => {
		const { promise, resolve } = Promise.withResolvers<void>();
		const timer = setTimeout(resolve, ms);
		return { done: promise, cancel: () => clearTimeout(timer) };
	},
};

export function worldOf({ storage }: DurableObjectState): World {
	return {
		storage: {
			sql: storage.sql as Sql,
			transactionSync: (work) => storage.transactionSync(work),
			// The runtime delivers nothing to the object before it is over, and what `work` throws rolls back and ends nothing else.
			transaction: (work) => storage.transaction(work),
			sync: () => storage.sync(),
			setAlarm: (at) => storage.setAlarm(at),
			deleteAlarm: () => storage.deleteAlarm(),
			getAlarm: () => storage.getAlarm(),
			deleteAll: () => storage.deleteAll(),
		},
		...clock,
		random: () => Math.random(),
		giveWay: () => scheduler.wait(0),
		report,
	};
}
