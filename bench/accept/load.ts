// A closed loop: each connection sends its next request when the answer to the last one is there. Bounded in time and count.
import type { Request } from "./http-connection.ts";
import { encodeRequest, HttpConnection } from "./http-connection.ts";
import { percentile } from "../percentile.ts";

export interface Load {
	url: string;
	connections: number;
	durationMs: number;
	/** No more requests than this, whatever the time. */
	countMax: number;
	request: Request;
	/** Sends each request with an Idempotency-Key of its own, which begins with this. */
	keyPrefix: string | null;
	/** The status that counts as done; anything else is a failure. */
	status: number;
	/** Answers that are neither done nor a failure: they are counted by their status. */
	alsoTaken?: readonly number[];
}

export interface LoadResult {
	done: number;
	/** Of those that are neither. */
	statuses: Record<number, number>;
	failures: number;
	/** The first failure in words. */
	failure: string | null;
	elapsedMs: number;
	perSecond: number;
	p50Ms: number;
	p99Ms: number;
	/** The first `"id"` of each answer's body, where there is one. */
	ids: string[];
	/** What the generator itself used of a processor. */
	cpuMs: number;
}

/** A server that fails this often is not measured, it is broken. */
const failuresMax = 100;

export async function runLoad(load: Load): Promise<LoadResult> {
	const connections = await Promise.all(Array.from({ length: load.connections }, () => HttpConnection.open(load.url)));
	const plain = encodeRequest(load.request);
	const latencies: number[] = [];
	const ids: string[] = [];
	let sent = 0;
	let failures = 0;
	const statuses: Record<number, number> = {};
	let failure: string | null = null;
	const cpuBefore = process.cpuUsage();
	const startedAt = performance.now();
	const endsAt = startedAt + load.durationMs;

	async function drive(connection: HttpConnection): Promise<void> {
		while (sent < load.countMax && failures < failuresMax && performance.now() < endsAt) {
			const number = sent++;
			const text = load.keyPrefix === null ? plain : withKey(load.request, `${load.keyPrefix}${number}`);
			const sentAt = performance.now();
			const { status, body } = await connection.send(text);
			if (status === load.status) {
				latencies.push(performance.now() - sentAt);
				const id = firstId(body);
				if (id !== null) ids.push(id);
			} else if (load.alsoTaken?.includes(status)) {
				statuses[status] = (statuses[status] ?? 0) + 1;
			} else {
				failures++;
				failure ??= `${status}: ${body.toString().slice(0, 500)}`;
			}
		}
	}

	const ends = await Promise.allSettled(connections.map(drive));
	const elapsedMs = performance.now() - startedAt;
	const { user, system } = process.cpuUsage(cpuBefore);
	for (const connection of connections) connection.close();
	for (const end of ends) {
		if (end.status === "fulfilled") continue;
		failures++;
		failure ??= String(end.reason);
	}
	latencies.sort((a, b) => a - b);
	return {
		done: latencies.length,
		statuses,
		failures,
		failure,
		elapsedMs,
		perSecond: latencies.length / (elapsedMs / 1_000),
		p50Ms: percentile(latencies, 0.5),
		p99Ms: percentile(latencies, 0.99),
		ids,
		cpuMs: (user + system) / 1_000,
	};
}

function withKey(request: Request, key: string): string {
	return encodeRequest({ ...request, headers: { ...request.headers, "idempotency-key": key } });
}

/** Not parsed: that would cost more than the rest of the generator. A run's own id stands before those of its jobs. */
function firstId(body: Buffer): string | null {
	const mark = '"id":"';
	const from = body.indexOf(mark);
	if (from < 0) return null;
	const to = body.indexOf('"', from + mark.length);
	return body.toString("latin1", from + mark.length, to);
}
