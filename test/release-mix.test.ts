// A deploy in its midst: the Worker and the objects of the last landed release and of this build call each other, through one
// server, in every pairing, while owners do a day's work each.
import { writeFile } from "node:fs/promises";
import { afterAll, beforeAll, expect, it } from "vitest";
import { playDay } from "../scripts/release/played-day.ts";
import { playEvening } from "../scripts/release/played-evening.ts";
import { Player, control, job } from "../scripts/release/player.ts";
import type { Stage } from "../scripts/release/player.ts";
import { lastRelease, readRecorded } from "../scripts/release/recorded-release.ts";
import type { RecordedMessage } from "../scripts/release/recorded-release.ts";
import type { DeadLetter } from "../src/contracts/http/dead-letter.ts";
import type { Page } from "../src/contracts/http/page.ts";
import type { Run } from "../src/contracts/http/run.ts";
import type { TokenMade } from "../src/contracts/http/token.ts";
import { StagedSite } from "./fixture-release.ts";

let site: StagedSite;
let stage: Stage;
let program: string;
beforeAll(async () => {
	site = await StagedSite.make();
	program = await site.lastProgram();
	stage = await site.start({ older: program });
});
afterAll(() => site.close());

/** Whose Worker is asked, and of which build each of an owner's objects is: in this order, repository, pool, log, feed, owner. */
const pairings = [
	["older", "nnnnn"],
	["newer", "ooooo"],
	["older", "onnnn"],
	["newer", "noooo"],
	["older", "nonnn"],
	["newer", "onooo"],
] as const;

/** Methods that the last release did not know: who adds one names it here with what an object that lacks it costs its caller. */
const added = new Set<string>([
	// A hint after the answer: what was not told is told with the next change.
	"OWNER.own",
	// Of a rebuild, which an operator asks for, and asks for again once the deploy is over.
	...["OWNER.owned", "REPO.runIds", "REPO.absentRuns", "REPO.projectable"],
	// An older owner's object knows no secrets of its own: who asks for one is told to come back, and a repository's are sealed
	// by the Worker's key as they were.
	...["OWNER.setSecret", "OWNER.secrets", "OWNER.secretsFor", "OWNER.dataKey"],
	...["OWNER.beginRotation", "OWNER.resealSecrets", "OWNER.endRotation", "REPO.resealSecrets"],
	// An older owner's object has no members: 500, and whoever asked asks again once the deploy is over.
	...["OWNER.members", "OWNER.setMember", "OWNER.removeMember", "OWNER.takeInvitation"],
	// An older object cannot say who has a key: the run is spilled, and one that has no right to the key ends as refused.
	"REPO.keyHolder",
	// A job whose repository is of an older deploy is given no identity token: 500, and it asks again.
	"REPO.identify",
	// A token that counts registers nobody while its owner's object cannot count: 500, and the runner asks again.
	...["OWNER.countRegistration", "OWNER.uncountRegistration"],
	// Read and set by hand; an older object counts nothing, and refuses nothing that it took before.
	...["REPO.limits", "REPO.setLimits", "OWNER.limits", "OWNER.setLimits"],
	// Of an older object it is not asked whether there is room: the thing is made, and told after the answer.
	"OWNER.admit",
	// So are runners, which a newer object finds when it asks the pools; an older pool's shard keeps the runners that it had there.
	...["OWNER.admitRunner", "OWNER.ownRunner", "OWNER.disownRunner", "POOL.runnerIds"],
]);

it("[T19] builds of a deploy understand each other: a day's work of every pairing comes to its end", async () => {
	const players = pairings.map(([release, letters]) => new Player(stage, `mix-${letters}`, release));
	await Promise.all(players.map(playDay));
	await playEvening(stage, players);
	expect(players).toHaveLength(pairings.length);
});

it("[T20] each method of an object was called from the other build, in both directions", async () => {
	const { calls, methods } = (await control(stage, "calls")) as {
		calls: Record<string, number>;
		methods: Record<"older" | "newer", string[]>;
	};
	const recorded = Object.keys(readRecorded<Record<string, unknown>>(lastRelease(), "calls.json"));
	expect(recorded.sort()).toEqual(methods.older.toSorted());
	const uncalled = (names: readonly string[], way: string) =>
		names.filter((name) => !added.has(name) && calls[`${name} ${way}`] === undefined);
	expect({
		// What the last release asks for must be there, whatever this build calls it.
		gone: methods.older.filter((name) => !methods.newer.includes(name)),
		olderToNewer: uncalled(methods.older, "older>newer"),
		newerToOlder: uncalled(methods.newer, "newer>older"),
		addedBefore: [...added].filter((name) => methods.older.includes(name)),
	}).toEqual({ gone: [], olderToNewer: [], newerToOlder: [], addedBefore: [] });
});

it("[T21] each recorded message of each queue is read by this build's consumer, and none becomes a dead letter", async () => {
	const recorded = readRecorded<RecordedMessage[]>(lastRelease(), "messages.json");
	const own = recorded.filter(({ body }) => (body as { is?: string }).is === undefined);
	expect(new Set(own.map(({ queue }) => queue.replace(/-dead$/, "")))).toEqual(
		new Set(["spillway-deliveries", "spillway-events", "spillway-intake"]),
	);
	for (const [queue, messages] of Map.groupBy(own, (message) => message.queue)) {
		const bodies = messages.map(({ body }) => body);
		const live = queue.replace(/-dead$/, "");
		const ends = await control(stage, "consume", { release: "newer", queue: live, bodies });
		expect([live, ends]).toEqual([live, bodies.map(() => "ack")]);
	}
	const operator = new Player(stage, "none", "newer");
	expect((await operator.done<Page<DeadLetter>>("GET", "/v1/dead-letters")).items).toEqual([]);
	// What they say is in the read model now.
	const shown = own.flatMap(({ body }) => (body as { run?: { id: string; owner: string } | null }).run ?? []);
	expect(shown.length).toBeGreaterThan(0);
	const { items } = await operator.done<Page<Run>>("GET", "/v1/repos/acme/web/runs?limit=100");
	for (const { id } of shown) expect(items.map((run) => run.id)).toContain(id);
});

it.each([
	["the last release's runner", "nnnnn", true],
	["this build's runner", "ooooo", false],
] as const)(
	"[T22] %s, and the command line of the same build, do their work at the other build",
	async (_, letters, isOld) => {
		const player = new Player(stage, `program-${letters}`, isOld ? "newer" : "older");
		await player.done("PUT", player.repo, { body: {} });
		const scopes = ["runner:register"];
		const { token } = await player.post<TokenMade>("/v1/tokens", { owner: player.owner, name: "runners", scopes });
		const environment = { SPILLWAY_URL: stage.url, SPILLWAY_TOKEN: token };
		const dist = isOld ? program : undefined;
		const place = ["--pool", `${player.owner}/default`, "--name", "real", "--work-dir", `${site.folder}/${letters}`];
		site.command(["runner", "start", ...place], environment, dist);
		const pipeline = `${site.folder}/${letters}.json`;
		await writeFile(pipeline, JSON.stringify([job("prints", { run: "echo it was printed" })]));
		const operator = { SPILLWAY_URL: stage.url, SPILLWAY_TOKEN: stage.operatorToken };
		const words = ["run", "start", `${player.owner}/web`, "--file", pipeline, "--no-source", "--watch"];
		const watch = site.command(words, operator, dist);
		let printed = "";
		watch.process.stdout?.setEncoding("utf8").on("data", (text: string) => {
			printed += text;
		});
		expect([await watch.end(), watch.complaint]).toEqual([0, expect.anything()]);
		expect(printed).toContain("it was printed");
	},
);
