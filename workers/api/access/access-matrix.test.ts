// The whole matrix: every route of the document, asked by every kind of caller, at the caller's own repository, at the owner's other
// one and at another owner's. What is expected is worked out from the rows of the table; the routes are the real ones.
import { beforeAll, describe, expect, it, vi } from "vitest";
import type { Operation } from "../../../src/operations/access-table.ts";
import { accessRow } from "../../../src/operations/access-table.ts";
import { send } from "../api-fixture.ts";
import type { Heard, Route, Target } from "./matrix-calls.ts";
import { ask, read, routes } from "./matrix-calls.ts";
import { expectedOf, isPlaced, reposAt } from "./matrix-expected.ts";
import type { CallerInMatrix, Place, Scene } from "./matrix-scene.ts";
import { absent, aScene } from "./matrix-scene.ts";
import { cookieCallersOf } from "./matrix-sessions.ts";

/** Nobody's names: its fixtures are this file's alone. */
const [ada, eve] = ["matrix-ada", "matrix-eve"];

interface Cell {
	route: Route;
	caller: CallerInMatrix;
	place: Place;
	expected: string;
	/** What was answered, once it was asked. */
	heard?: Heard;
}

let scene: Scene;
let all: Route[] = [];
let cells: Cell[] = [];
let before: Record<string, unknown>;

beforeAll(async () => {
	scene = await aScene(ada, eve);
	scene.callers.push(...(await cookieCallersOf(ada, eve)));
	const { home, sibling, foreign, callers } = scene;
	all = await routes();
	cells = all.flatMap((route) => {
		const places = isPlaced(accessRow(route.operation)) ? [home, sibling, foreign] : [home];
		return callers.flatMap((caller) => {
			// Whoever is nobody here is nobody everywhere.
			const isNobody = caller.facts.kind === "nobody";
			const asked = isNobody ? (route.isSecond ? [] : [home]) : places;
			return asked.map((place) => {
				return { route, caller, place, expected: expectedOf(route, caller.facts, place) };
			});
		});
	});
	before = await seen();
}, 60_000);

const nameOf = ({ route, caller, place }: Cell) =>
	`${route.method} ${route.path} at ${place.owner}/${place.repo} by ${caller.name}`;

/** What moves by itself, and streams, which do not end. */
const unshown: ReadonlySet<Operation> = new Set([
	"getHealth",
	"getReadiness",
	"getMetrics",
	"watchRun",
	"watchLog",
	"watchJobLog",
	"signIn",
	"finishSignIn",
]);

/** All that the operator sees of the scene by any route that reads, once nothing is under way any more. */
async function seen(): Promise<Record<string, unknown>> {
	await settle();
	const shown: Record<string, unknown> = {};
	for (const route of all) {
		const row = accessRow(route.operation);
		if (route.method !== "GET" || unshown.has(route.operation) || row.of === "runner" || row.of === "lease") continue;
		for (const place of isPlaced(row) ? [scene.home, scene.sibling, scene.foreign] : [scene.home]) {
			shown[`${route.path} at ${place.owner}/${place.repo}`] = settled(await read(route, place));
		}
	}
	return shown;
}

/** What is written after its answer has been written when a later act of this owner is in the audit, and its run in the list. */
let acts = 0;
async function settle(): Promise<void> {
	const owner = `matrix-witness-${++acts}`;
	await send("PUT", `/v1/repos/${owner}/web`);
	const has = async (path: string) => (await send<{ items: unknown[] }>("GET", path)).body.items.length > 0;
	await vi.waitFor(async () => expect(await has(`/v1/audit?owner=${owner}`)).toBe(true), { timeout: 20_000 });
	await vi.waitFor(async () => expect(await has(`/v1/repos?owner=${owner}`)).toBe(true), { timeout: 20_000 });
}

/** Without what moves by itself. A log is no JSON. */
function settled(text: string): unknown {
	const moving = new Set(["asOf", "lastSeenAt", "projectionLagSeconds", "usedAt", "resetsAt", "idle", "busy"]);
	// A runner of the scene says nothing more, and is offline once the calls have taken a minute and a half.
	const bySilence = new Set(["idle", "busy", "offline"]);
	if (!text.startsWith("{")) return text;
	return JSON.parse(text, (key, field) => {
		if (moving.has(key)) return undefined;
		return key === "state" && bySilence.has(field) ? "registered" : field;
	});
}

describe("the matrix", () => {
	it("[A121] every caller without the right is refused as the row says, and with a documented code", async () => {
		const wrong: string[] = [];
		const undocumented = new Set<string>();
		for (const cell of cells.filter((one) => one.expected !== "may")) {
			cell.heard = await ask(cell.route, cell.place, await cell.caller.bring());
			const { said } = cell.heard;
			if (said !== cell.expected) wrong.push(`${nameOf(cell)}: ${said}, not ${cell.expected}`);
			if (!cell.route.codes.has(said)) undocumented.add(`${cell.route.operation}: ${said}`);
		}
		expect({ wrong, undocumented: [...undocumented] }).toEqual({ wrong: [], undocumented: [] });
	}, 300_000);

	it("[A122] none of the refused calls has left a trace", async () => {
		expect(Object.keys(before).length).toBeGreaterThan(40);
		expect(await seen()).toEqual(before);
	}, 60_000);

	it("[A123] what is there and what is not are refused in the same words", async () => {
		const differing: string[] = [];
		const isRefused = ({ expected }: Cell) => expected.startsWith("403") || expected.startsWith("404");
		for (const cell of cells.filter((one) => isRefused(one) && !one.route.isSecond)) {
			const { place, route, caller, heard } = cell;
			const elsewhere = { ...absent, owner: place.owner === ada ? ada : "matrix-none" };
			// A repository that the caller's right is not for is another thing than one that is not there.
			const isOfSome = cell.expected.startsWith("403") && reposAt(caller.facts, place.owner) !== null;
			for (const target of isOfSome ? [gone(place)] : [elsewhere, gone(place)]) {
				const { said, detail } = await ask(route, target, await caller.bring());
				if (said !== heard?.said || detail !== heard.detail)
					differing.push(`${nameOf(cell)}: ${said}, not ${heard?.said}`);
			}
		}
		expect(differing).toEqual([]);
	}, 300_000);

	it("[A121] every caller with the right is let in", async () => {
		const wrong: string[] = [];
		const done = new Set<Operation>();
		const allowed = cells.filter((one) => one.expected === "may");
		// A caller that has signed out is nobody after that.
		const isLast = ({ route }: Cell) => Number(route.operation === "deleteSession");
		for (const cell of allowed.sort((one, other) => isLast(one) - isLast(other))) {
			const { said } = await ask(cell.route, cell.place, await cell.caller.bring());
			// What the row lets in, the operation may still refuse to give: its own tests say when.
			if (refusesOf(cell.route.operation).includes(said)) continue;
			const status = Number(said.slice(0, 3));
			// A state forbids an act only to a caller who has the right.
			if (status < 400 || status === 409) done.add(cell.route.operation);
			// Nobody comes back from an issuer here: `test/sign-in.test.ts`.
			else if (said === "400 sign-in-not-begun") done.add(cell.route.operation);
			else if (status !== 404 || said === "404 unknown") wrong.push(`${nameOf(cell)}: ${said}`);
		}
		expect(wrong).toEqual([]);
		const missed = cells.map(({ route }) => route.operation).filter((operation) => !done.has(operation));
		// What only a dead letter that is there would show is `workers/dead-letters/dead-letters.test.ts`'s.
		expect([...new Set(missed)]).toEqual(["redriveDeadLetter"]);
	}, 300_000);
});

/** As `said`: how an operation refuses what a caller who may call it would give away. */
function refusesOf(operation: Operation): string[] {
	const row = accessRow(operation);
	return "refuses" in row ? (row.refuses ?? []).map((code) => `403 ${code}`) : [];
}

/** In a repository that is there, what is not. */
function gone({ owner, repo, pool }: Target): Target {
	return { ...absent, owner, repo, pool };
}
