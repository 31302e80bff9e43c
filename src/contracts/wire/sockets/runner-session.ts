// The frames of a runner's session, one JSON object per WebSocket message; the text `ping` is answered `pong` by the platform.
// The shapes are read by hand: the pool's object reads each frame, and must not load the schema library for two of them.
import { runnerCapacityMax } from "../../../domain/limits.ts";
import type { Grant } from "../../http/runner.ts";

export interface HelloFrame {
	type: "hello";
	/** New with each start of the runner's process: the newest instance wins. */
	instanceId: string;
	capacity: number;
	/** All leases that the runner holds: no more than it may have slots. */
	leases: string[];
	/** What is wrong with its machine; absent: it is well. */
	unwell?: string;
}

/** The runner goes: no grants any more. What it holds it finishes, or names in a later session. */
export interface ByeFrame {
	type: "bye";
}

export type RunnerFrame = HelloFrame | ByeFrame;

export type ServerFrame =
	| { type: "grant"; grant: Grant }
	| { type: "cancel"; lease: string; graceSeconds: number }
	| { type: "lost"; lease: string }
	| { type: "drain" };

const instanceIdMax = 100;
const leaseIdMax = 100;
const unwellMax = 500;
const helloFields = new Set(["type", "instanceId", "capacity", "leases", "unwell"]);

/** Null for a value that is no frame of a runner. As in every request, an unknown field is refused: it may be a typo. */
export function readRunnerFrame(value: unknown): RunnerFrame | null {
	if (typeof value !== "object" || value === null || Array.isArray(value)) return null;
	const frame = value as Partial<Record<string, unknown>>;
	if (frame.type === "bye") return Object.keys(frame).length === 1 ? { type: "bye" } : null;
	return frame.type === "hello" ? readHello(frame) : null;
}

function readHello(frame: Partial<Record<string, unknown>>): HelloFrame | null {
	const { instanceId, capacity, leases, unwell } = frame;
	if (!Object.keys(frame).every((field) => helloFields.has(field))) return null;
	if (!isText(instanceId, 1, instanceIdMax) || !isCapacity(capacity)) return null;
	if (!Array.isArray(leases) || leases.length > runnerCapacityMax) return null;
	if (!leases.every((lease) => isText(lease, 0, leaseIdMax))) return null;
	if (unwell === undefined) return { type: "hello", instanceId, capacity, leases };
	return isText(unwell, 1, unwellMax) ? { type: "hello", instanceId, capacity, leases, unwell } : null;
}

function isText(value: unknown, min: number, max: number): value is string {
	return typeof value === "string" && value.length >= min && value.length <= max;
}

function isCapacity(value: unknown): value is number {
	return Number.isSafeInteger(value) && Number(value) >= 1 && Number(value) <= runnerCapacityMax;
}
