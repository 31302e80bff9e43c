import { describe, expect, it } from "vitest";
import { runnerCapacityMax } from "../../../domain/limits.ts";
import { readRunnerFrame } from "./runner-session.ts";

const hello = { type: "hello", instanceId: "i1", capacity: 2, leases: ["j1.1"] };

describe("a runner's frame", () => {
	it.each([
		["a hello", hello],
		["a hello at its bounds", { ...hello, instanceId: "i".repeat(100), capacity: runnerCapacityMax, leases: [] }],
		[
			"a hello of a full runner",
			{ ...hello, leases: Array.from({ length: runnerCapacityMax }, () => "l".repeat(100)) },
		],
		["a hello of an unwell runner", { ...hello, unwell: "u".repeat(500) }],
		["a bye", { type: "bye" }],
	])("[W34] %s is read as it is", (_, frame) => {
		expect(readRunnerFrame(frame)).toEqual(frame);
	});

	it.each([
		["null", null],
		["a text", "hello"],
		["a list", [hello]],
		["no type", { instanceId: "i1" }],
		["an unknown type", { ...hello, type: "grant" }],
		["a type that is inherited", { type: "toString" }],
		["an unknown field", { ...hello, color: "red" }],
		["a bye with more", { type: "bye", leases: [] }],
		["no instance", { ...hello, instanceId: undefined }],
		["an empty instance", { ...hello, instanceId: "" }],
		["an instance too long", { ...hello, instanceId: "i".repeat(101) }],
		["an instance that is a number", { ...hello, instanceId: 1 }],
		["no slots", { ...hello, capacity: 0 }],
		["half a slot", { ...hello, capacity: 1.5 }],
		["slots as a text", { ...hello, capacity: "2" }],
		["too many slots", { ...hello, capacity: runnerCapacityMax + 1 }],
		["no leases", { ...hello, leases: undefined }],
		["leases that are no list", { ...hello, leases: "j1.1" }],
		["a lease that is no text", { ...hello, leases: [1] }],
		["a lease too long", { ...hello, leases: ["l".repeat(101)] }],
		["too many leases", { ...hello, leases: Array.from({ length: runnerCapacityMax + 1 }, () => "l") }],
		["an empty reason", { ...hello, unwell: "" }],
		["a reason too long", { ...hello, unwell: "u".repeat(501) }],
		["a reason that is null", { ...hello, unwell: null }],
	])("[W34] %s is no frame", (_, value) => {
		expect(readRunnerFrame(value)).toBeNull();
	});
});
