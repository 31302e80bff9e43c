// The gates of this isolate, whose requests share one thread, and what is counted of them.
import { callClasses } from "../src/domain/overload/call-line.ts";
import type { CallClass, LineLimits } from "../src/domain/overload/call-line.ts";
import { ownerLimits, spillLimits } from "../src/domain/overload/overload-limits.ts";
import { CallGate, gateNames } from "../src/operations/overload/call-gate.ts";
import type { GateName } from "../src/operations/overload/call-gate.ts";
import type { Env } from "./env.ts";
import { numberOf } from "./env.ts";
import { metrics } from "./metrics.ts";
import { report } from "./report.ts";

const countShed = metrics.counter({
	name: "spillway_calls_shed",
	help: "Calls that did not get their turn: of the line `calls` a submission is spilled, of the line `spills` it is refused.",
	labels: { line: gateNames, class: callClasses },
});

interface Gates {
	calls: CallGate;
	spills: CallGate;
}

const gateOf = (name: GateName, limits: LineLimits) =>
	new CallGate(limits, {
		name,
		now: () => Date.now(),
		report,
		countShed: (of) => countShed({ line: name, class: of }),
	});

/** By how much one owner may have in work: an isolate has one setting and one pair, but in tests. */
const made = new Map<number, Gates>();

export function gatesOf(env: Env): Gates {
	const atOnce = numberOf(env, "CALLS_AT_ONCE");
	const known = made.get(atOnce);
	if (known !== undefined) return known;
	const gates = { calls: gateOf("calls", ownerLimits(atOnce)), spills: gateOf("spills", spillLimits) };
	made.set(atOnce, gates);
	return gates;
}

metrics.gauge(
	{
		name: "spillway_calls_waiting",
		help: "Calls that wait for their turn.",
		labels: { line: gateNames, class: callClasses },
	},
	() =>
		gateNames.flatMap((line) => {
			const waiting = [...made.values()].map((gates) => gates[line].waiting());
			const sum = (of: CallClass) => waiting.reduce((total, each) => total + each[of], 0);
			return callClasses.map((each) => ({ labels: { line, class: each }, value: sum(each) }));
		}),
);
