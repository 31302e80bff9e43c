// One owner floods the server over hundreds of connections, each request in a context of its own and each woken by another, for as
// long as another owner's calls beside them take: each of these is answered before most of those that the flood has there.
import { once } from "node:events";
import { Agent, request } from "node:http";
import type { ClientRequest, IncomingMessage } from "node:http";
import { json } from "node:stream/consumers";
import { afterEach, beforeEach, expect, it } from "vitest";
import type { Problem } from "../src/contracts/http/problem.ts";
import type { Run } from "../src/contracts/http/run.ts";
import { callLimits } from "../src/domain/overload/overload-limits.ts";
import { Site } from "./fixture-site.ts";

/** Each has a call under way all the time. */
const connections = 300;
/** Of the flood's answers: those in work when the other owner's call comes, as many that follow them, and what is spilled meanwhile. */
const aheadMax = connections / 2;
/** Odd, so that one is in the middle: a single call may meet a stall of the machine, after which much is read at once. */
const calls = 5;
const body = JSON.stringify({ jobs: [{ key: "a", run: "true" }] });

let site: Site;
let agent: Agent;
beforeEach(async () => {
	site = await Site.open();
	agent = new Agent({ keepAlive: true });
});
afterEach(async () => {
	agent.destroy();
	await site.close();
});

it("[V1][V6] hundreds of connections to one repository, with endless bodies among them, do not hold up another owner's", async () => {
	for (const owner of ["crowd", "neighbour"]) await site.client.repositories.put({ owner, repo: "web" }, {});
	for (let endless = 0; endless < 2 * callLimits.ownerCost; endless++) beginEndless("crowd");
	const crowd: string[] = [];
	const neighbour: string[] = [];
	const ahead: number[] = [];
	const ids: string[] = [];
	const { promise: isFull, resolve } = Promise.withResolvers<void>();
	const submitTo = async (owner: string, answers: string[]) => {
		const { word, id } = await submit(owner);
		answers.push(word);
		if (id !== null) ids.push(id);
	};
	const connection = async () => {
		while (neighbour.length < calls) {
			await submitTo("crowd", crowd);
			if (crowd.length >= connections) resolve();
		}
	};
	const other = async () => {
		await isFull;
		while (neighbour.length < calls) {
			const before = crowd.length;
			await submitTo("neighbour", neighbour);
			ahead.push(crowd.length - before);
		}
	};
	await Promise.all([other(), ...Array.from({ length: connections }, connection)]);

	const middle = [...ahead].sort((a, b) => a - b)[(calls - 1) / 2];
	expect(middle, `ahead of each: ${ahead.join(", ")}`).toBeLessThanOrEqual(aheadMax);
	// What a slow disk does not take in time is spilled, and shed where the archive is slow too: of the flood alone.
	expect(new Set(neighbour)).not.toContain("503 overloaded");
	for (const word of [...crowd, ...neighbour]) expect(["201", "202", "503 overloaded"]).toContain(word);
	// None would be, if an endless body held a slot.
	expect(crowd).toContain("201");
	expect(new Set(ids).size).toBe(ids.length);
});

function begin(owner: string): ClientRequest {
	const headers = {
		authorization: `Bearer ${site.ready.operatorToken}`,
		"content-type": "application/json",
		"content-length": String(body.length),
	};
	return request(`${site.ready.url}/v1/repos/${owner}/web/runs`, { method: "POST", headers, agent });
}

/** A submission that says that it is longer than what it sends. */
function beginEndless(owner: string): void {
	const begun = begin(owner);
	// It ends with the test.
	begun.on("error", () => undefined);
	begun.write(body.slice(0, -1));
}

/** Its status, and the code of a refusal; the run's id where one was accepted. */
async function submit(owner: string): Promise<{ word: string; id: string | null }> {
	const begun = begin(owner).end(body);
	const [answer] = (await once(begun, "response")) as [IncomingMessage];
	const said = (await json(answer)) as Run | Problem;
	if ("code" in said) return { word: `${answer.statusCode} ${said.code}`, id: null };
	return { word: String(answer.statusCode), id: said.id };
}
