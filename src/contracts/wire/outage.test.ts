// How an outage is recognised, and which calls between objects are made again after one.
import { expect, it } from "vitest";
import { asOutage, Outage } from "./outage.ts";
import { isRepeatable } from "../objects/repeatable.ts";

it("[W91] an outage is known by its class, or by its name where it came from another object", () => {
	const own = new Outage("no answer", { isOverloaded: true });
	expect(asOutage(own)).toBe(own);
	const crossed = Object.assign(new Error("no answer"), { name: "Outage" });
	expect(asOutage(crossed)).toMatchObject({ message: "no answer", isSafeToRepeat: false });
	expect(asOutage(new Error("Outage: no answer"))).toBeNull();
	expect(asOutage("no answer")).toBeNull();
});

it("[W81] what the platform calls an internal error of its own is an outage", () => {
	const broken = new Error("internal error; reference = n6oiqet7fmh5rv7cjuteogf8");
	expect(asOutage(broken)).toMatchObject({ message: broken.message, cause: broken });
	expect(asOutage(new Error("an internal error; reference = unknown"))).toBeNull();
	const reset = Object.assign(new Error("its code was updated"), { durableObjectReset: true });
	expect(asOutage(reset)).toMatchObject({ message: reset.message, isSafeToRepeat: false });
});

it.each([
	["claim", [{ free: 1 }], false],
	["acquire", [{}, null], false],
	["useTicket", [{ id: "t" }], false],
	["fetch", [new Request("https://pool/")], false],
	["retryJob", [{ job: "j", key: null }], false],
	["retryJob", [{ job: "j", key: "once" }], true],
	["addJobs", [{ run: "r", key: null }], false],
	["submit", [{ run: "r", key: null }], true],
	["finish", [{}, {}], true],
	["demand", [{}], true],
] as const)("[W91] a call between objects is made again only where twice is as good as once: %s", (call, args, may) => {
	expect(isRepeatable(call, args)).toBe(may);
});
