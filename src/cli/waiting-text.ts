// What a job waits for, in words: why, at which place, and when it may start. A place is reckoned only for a job that is asked
// for by itself, so lists ask for the first few.
import type { Client } from "../client/client.ts";
import type { RepositoryName } from "../contracts/objects/objects.ts";
import type { Job, Waiting } from "../contracts/http/run.ts";
import { msText } from "./terminal/span.ts";

/** Of one list: each is a call, and costs the server as much as the line is long. Who stands behind them sees how fast these move. */
const placesMax = 5;

/** A table cuts the sentence first, which is why it stands last. `now` is the clock of whoever reads: a clock that is wrong shifts what is shown by as much. */
export function waitingText({ code, detail, position, expectedStartAt }: Waiting, now: number): string {
	const place = position === null ? "" : `, position ${position}`;
	const start = expectedStartAt === null ? "" : `, may start ${soonText(Date.parse(expectedStartAt) - now)}`;
	return `${code}${place}${start}: ${detail}`;
}

function soonText(ms: number): string {
	return ms <= 0 ? "any moment" : `in about ${msText(ms)}`;
}

/** The same jobs, the first that wait with their positions. What began or ended meanwhile is shown as it is by now. */
export async function withPlaces(client: Client, repository: RepositoryName, jobs: readonly Job[]): Promise<Job[]> {
	const asked = new Set(jobs.filter(({ state }) => state === "waiting").slice(0, placesMax));
	return Promise.all(jobs.map((job) => (asked.has(job) ? client.jobs.get(repository, job.id) : job)));
}
