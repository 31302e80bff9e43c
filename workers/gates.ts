// The gates of this isolate, whose requests share one thread, and what is counted of them.
import { callClasses } from "../src/domain/overload/call-line.ts";
import type { LineLimits } from "../src/domain/overload/call-line.ts";
import { callLimits, spillLimits } from "../src/domain/overload/overload-limits.ts";
import { CallGate, gateNames } from "../src/operations/overload/call-gate.ts";
import type { GateName } from "../src/operations/overload/call-gate.ts";
import { metrics } from "./metrics.ts";
import { report } from "./report.ts";

const countShed = metrics.counter({
	name: "spillway_calls_shed",
	help: "Calls that did not get their turn: of the line `calls` a submission is spilled, of the line `spills` it is refused.",
	labels: { line: gateNames, class: callClasses },
});

const gateOf = (name: GateName, limits: LineLimits) =>
	new CallGate(limits, { name, now: Date.now, report, countShed: (of) => countShed({ line: name, class: of }) });

export const gates = { calls: gateOf("calls", callLimits), spills: gateOf("spills", spillLimits) };

metrics.gauge(
	{
		name: "spillway_calls_waiting",
		help: "Calls that wait for their turn.",
		labels: { line: gateNames, class: callClasses },
	},
	() =>
		gateNames.flatMap((line) => {
			const waiting = gates[line].waiting();
			return callClasses.map((each) => ({ labels: { line, class: each }, value: waiting[each] }));
		}),
);
