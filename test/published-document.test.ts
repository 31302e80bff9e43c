// Every operation of the published document, asked with what it allows, nearly allows and never meant, by several principals and
// beside another owner's things: what anybody who wrote a client from the document relies on. From a seed, so each run sends the same.
import fc from "fast-check";
import { afterAll, beforeAll, expect, it } from "vitest";
import { isLong } from "../src/testing/long-form.ts";
import { answerFaults, sent } from "./published/answers.ts";
import type { Answered } from "./published/answers.ts";
import { operations } from "./published/operations.ts";
import type { DocumentedOperation } from "./published/operations.ts";
import { marker, PlantedSite } from "./published/planted-site.ts";
import type { Principal } from "./published/planted-site.ts";
import { requestsTo } from "./published/requests.ts";

/** Of each operation. `PUBLISHED_REQUESTS` names another number, and `PUBLISHED_SEED` another seed. */
const requests = Number(process.env.PUBLISHED_REQUESTS ?? (isLong ? 100 : 12));
const seed = Number(process.env.PUBLISHED_SEED ?? 12);

/** Which operations were answered with which class of status. */
const seen = new Set<string>();

let site: PlantedSite;
beforeAll(async () => {
	site = await PlantedSite.open();
});
afterAll(async () => {
	await site?.close();
});

it.each(operations)("[A172] [A173] $id answers as documented, whatever it is asked", async (operation) => {
	const asked = requestsTo(operation, site);
	const property = fc.asyncProperty(asked, async (request) => {
		const principal = site.principals[request.principal] as Principal;
		const { authorization } = principal;
		const headers = { ...(authorization === null ? {} : { authorization }), ...request.headers };
		const answer = await sent(site, { ...request, headers });
		seen.add(`${operation.id} ${Math.floor(answer.status / 100)}`);
		expect([...answerFaults(operation, answer), ...rightFaults(operation, { principal, answer })]).toEqual([]);
	});
	try {
		await fc.assert(property, { seed, numRuns: requests });
	} finally {
		if (operation.id === "setSwitches") await site.restore();
	}
});

it("[A172] most operations did what they were asked, at least once, and all refused", () => {
	const done = operations.filter(({ id }) => seen.has(`${id} 2`));
	const refused = operations.filter(({ id }) => seen.has(`${id} 4`));
	expect(done.length).toBeGreaterThan(operations.length * 0.7);
	expect(refused.length).toBeGreaterThan(operations.length * 0.9);
});

it("[A172] none of it was a fault of the server's own", () => {
	expect(site.complaint).not.toMatch(/"event":"fault"/);
});

/** What a principal got that was not the principal's to have. */
function rightFaults(
	{ principals }: DocumentedOperation,
	{ principal, answer }: { principal: Principal; answer: Answered },
): string[] {
	const isLetIn = principals.length === 0 || (principal.kind !== null && principals.includes(principal.kind));
	const faults: string[] = [];
	if (answer.status < 400 && !isLetIn) faults.push(`lets ${principal.name} in`);
	if (principal.kind === "operator") return faults;
	const text = `${JSON.stringify(answer.headers)} ${answer.body.toString("latin1")}`;
	if (text.includes(marker)) faults.push(`shows ${principal.name} what is the rival's`);
	if (answer.status < 400 && /"owner":"rival"/.test(text))
		faults.push(`gives ${principal.name} a thing of the rival's`);
	return faults;
}
