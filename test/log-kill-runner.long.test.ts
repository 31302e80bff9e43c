// A log that real runners upload by WebSocket, while servers and a runner are killed in between. What was acknowledged is read off
// the wire, so it is known without asking either side; what every reader gets is compared with what the job printed.
import { createHash } from "node:crypto";
import { writeFileSync } from "node:fs";
import { afterEach, beforeEach, expect, it } from "vitest";
import { viewLog } from "../src/client/log-viewer.ts";
import { seededRandom } from "../src/testing/random.ts";
import { headingOf } from "./fixture-site.ts";
import { until } from "./fixture-until.ts";
import { RunnerRig } from "./runner-rig.ts";

const pieces = 150;
const pieceBytes = 12_000;
const name = { owner: "acme", repo: "uploaded" };

let rig: RunnerRig;
beforeEach(async () => {
	rig = await RunnerRig.open();
});
afterEach(() => rig.close());

const random = seededRandom(2_026);
const output = Buffer.from(Uint8Array.from({ length: pieces * pieceBytes }, () => random.below(256)));
const expected = Buffer.concat([Buffer.from(headingOf("step 1")), output]);

/** What went over the connections of one runner's process. */
class Tap {
	uploads = 0;
	/** The longest log that the server has acknowledged. */
	acknowledged = 0;

	/** Asks for no compression in the runner's name, so that there is something to read. */
	pass(bytes: Buffer): Buffer {
		const text = bytes.toString("latin1").replace(/^sec-websocket-extensions: .*\r\n/m, "");
		this.uploads += text.split("GET /v1/lease/log/feed").length - 1;
		for (const [, length] of text.matchAll(/\{"type":"ack","length":(\d+)/g)) {
			this.acknowledged = Math.max(this.acknowledged, Number(length));
		}
		return Buffer.from(text, "latin1");
	}
}

async function bytesOf(job: string, attempt: number, from = 0): Promise<Buffer> {
	const { body } = await rig.client.attempts.log(name, { job, attempt }, { from });
	return Buffer.from(await new Response(body).arrayBuffer());
}

/** All that a viewer gets who is there from the beginning. */
async function view(job: string, attempt: number): Promise<Buffer> {
	const { url, operatorToken: token } = rig.ready;
	const parts: Uint8Array[] = [];
	for await (const event of viewLog({ url, token, repository: name, job, attempt })) {
		if (event.type === "output") parts.push(event.bytes);
	}
	return Buffer.concat(parts);
}

/** Kills all of the server when so much is acknowledged. What was is there afterwards, and so is nothing else. */
async function killServerAt(bytes: number, { tap, job, attempt }: { tap: Tap; job: string; attempt: number }) {
	await until(`${bytes} bytes of attempt ${attempt} are acknowledged`, async () => tap.acknowledged >= bytes);
	await rig.replaceServer({ dies: "group" });
	const acknowledged = tap.acknowledged;
	const kept = await bytesOf(job, attempt);
	expect(kept.length).toBeGreaterThanOrEqual(acknowledged);
	expect(kept.equals(expected.subarray(0, kept.length))).toBe(true);
}

it("[L16][L25][N102][N95] uploaded by WebSocket, servers and a runner killed: acknowledged bytes stay, every reader has what was printed", async () => {
	writeFileSync(rig.path("output"), output);
	// The first attempt never comes to an end by itself.
	const stay = `if [ "$SPILLWAY_ATTEMPT.$i" = 1.${pieces - 20} ]; then sleep 1000; fi`;
	const print = `dd if='${rig.path("output")}' bs=${pieceBytes} skip=$i count=1 status=none`;
	const run = await rig.submit("uploaded", [
		{ key: "a", run: `for i in $(seq 0 ${pieces - 1}); do ${print}; ${stay}; sleep 0.05; done` },
	]);
	const job = run.jobs?.[0]?.id ?? "";

	const proxy = await rig.cuttable();
	const one = new Tap();
	proxy.pass = (bytes) => one.pass(bytes);
	const first = rig.runner("uploaded", { url: proxy.url });
	await until("the job runs", async () => (await rig.client.jobs.get(name, job)).attempts.length === 1);
	const firstViews = [view(job, 1), view(job, 1)];
	await killServerAt(150_000, { tap: one, job, attempt: 1 });
	await killServerAt(400_000, { tap: one, job, attempt: 1 });
	await until("more is acknowledged", async () => one.acknowledged > 550_000);
	first.process.kill("SIGKILL");
	await first.end();

	const two = new Tap();
	proxy.pass = (bytes) => two.pass(bytes);
	rig.runner("uploaded", { url: proxy.url });
	await until("it runs again", async () => (await rig.client.jobs.get(name, job)).attempts.length === 2);
	const secondViews = [view(job, 2), view(job, 2)];
	await killServerAt(600_000, { tap: two, job, attempt: 2 });
	const [finished] = await rig.finished("uploaded", run);
	expect([finished?.outcome, finished?.attempts.map(({ outcome }) => outcome)]).toEqual(["passed", ["lost", "passed"]]);
	for (const { uploads } of [one, two]) expect(uploads).toBeGreaterThan(0);

	// The killed runner's: what it had printed until then, since its next process brought the rest.
	await rig.settled("uploaded", run);
	const part = await bytesOf(job, 1);
	expect(part.length).toBeGreaterThanOrEqual(one.acknowledged);
	expect(part.length).toBeLessThan(expected.length);
	expect(part.equals(expected.subarray(0, part.length))).toBe(true);
	const [lost, passed] = (await rig.client.jobs.get(name, job)).attempts;
	const sha256 = (bytes: Buffer) => createHash("sha256").update(bytes).digest("hex");
	expect(lost?.log).toEqual({ state: "sealed", length: part.length, sha256: sha256(part), missing: [] });
	expect(passed?.log).toEqual({ state: "sealed", length: expected.length, sha256: sha256(expected), missing: [] });
	// Who watched it was told its end with the loss, and may have less of it.
	for (const seen of await Promise.all(firstViews)) {
		expect(seen.length).toBeGreaterThanOrEqual(one.acknowledged);
		expect(seen.equals(part.subarray(0, seen.length))).toBe(true);
	}
	for (const seen of await Promise.all(secondViews)) expect(seen.equals(expected)).toBe(true);
	expect((await view(job, 2)).equals(expected)).toBe(true);
	expect((await bytesOf(job, 2)).equals(expected)).toBe(true);
	for (let range = 0; range < 30; range++) {
		const from = random.below(expected.length);
		const to = Math.min(expected.length, from + 1 + random.below(200_000));
		const { body } = await rig.client.attempts.log(name, { job, attempt: 2 }, { from, to });
		const bytes = Buffer.from(await new Response(body).arrayBuffer());
		expect(bytes.equals(expected.subarray(from, to)), `bytes ${from} to ${to}`).toBe(true);
	}
});
