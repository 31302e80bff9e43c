// The few calls of the API that the bench makes itself: to set up, to play a runner, and to check what the server says it did.
import type { Job, Run } from "../src/contracts/http/run.ts";
import type { Grant, Registered } from "../src/contracts/http/runner.ts";
import type { QueueFigures } from "../src/contracts/http/repository.ts";
import type { TokenMade } from "../src/contracts/http/token.ts";
import type { Answer, Request } from "./accept/http-connection.ts";
import { encodeRequest, HttpConnection } from "./accept/http-connection.ts";

export interface RunnerSession {
	id: string;
	token: string;
}

/** Shorter than any server keeps an idle connection. */
const idleMs = 2_000;

/** One connection, so one call at a time. Any status but the one that the call expects throws. */
export class Api {
	readonly #url: string;
	readonly #token: string;
	#connection: HttpConnection;
	#usedAt = performance.now();

	private constructor(url: string, token: string, connection: HttpConnection) {
		this.#url = url;
		this.#token = token;
		this.#connection = connection;
	}

	/** `token`: for the calls that are not a runner's. */
	static async connect(url: string, token: string): Promise<Api> {
		return new Api(url, token, await HttpConnection.open(url));
	}

	close(): void {
		this.#connection.close();
	}

	async createRepository(owner: string, repo: string, settings: object): Promise<void> {
		await this.#json({ method: "PUT", path: `/v1/repos/${owner}/${repo}`, body: settings }, [200, 201]);
	}

	/** For the operator. `repo` null: of the owner. */
	async setLimits(
		{ owner, repo }: { owner: string; repo: string | null },
		limits: Record<string, number>,
	): Promise<void> {
		const path = repo === null ? `/v1/owners/${owner}/limits` : `/v1/repos/${owner}/${repo}/limits`;
		await this.#json({ method: "PATCH", path, body: limits }, [200]);
	}

	createToken(owner: string, scopes: string[]): Promise<TokenMade> {
		return this.#json({ method: "POST", path: "/v1/tokens", body: { owner, name: "bench", scopes } }, [201]);
	}

	figures(owner: string, repo: string): Promise<QueueFigures> {
		return this.#json({ method: "GET", path: `/v1/repos/${owner}/${repo}/queue` }, [200]);
	}

	submit(owner: string, repo: string, run: object): Promise<Run> {
		return this.#json({ method: "POST", path: `/v1/repos/${owner}/${repo}/runs`, body: run }, [201]);
	}

	run(owner: string, repo: string, run: string): Promise<Run> {
		return this.#json({ method: "GET", path: `/v1/repos/${owner}/${repo}/runs/${run}` }, [200]);
	}

	async log(owner: string, repo: string, job: string): Promise<string> {
		const path = `/v1/repos/${owner}/${repo}/jobs/${job}/attempts/1/log`;
		return (await this.#send({ method: "GET", path }, [200])).body.toString();
	}

	register(owner: string, pool: string, name: string, capacity = 1): Promise<Registered> {
		const body = { name, capacity, os: "linux", arch: "x64", version: "bench" };
		return this.#json({ method: "POST", path: `/v1/pools/${owner}/${pool}/runners`, body }, [201]);
	}

	/** Null when nothing came in that time. */
	async acquire(token: string, waitSeconds: number): Promise<Grant | null> {
		const body = { waitSeconds, leases: [] };
		const answer = await this.#send({ method: "POST", path: "/v1/runner/acquire", token, body }, [200, 204]);
		return answer.status === 204 ? null : JSON.parse(answer.body.toString());
	}

	async start(token: string): Promise<void> {
		await this.#send({ method: "POST", path: "/v1/lease/start", token, body: {} }, [200]);
	}

	/** False when the lease has lapsed. */
	async startInTime(token: string): Promise<boolean> {
		const answer = await this.#send({ method: "POST", path: "/v1/lease/start", token, body: {} }, [200, 409]);
		return answer.status === 200;
	}

	async heartbeat(token: string, lease: string): Promise<void> {
		await this.#send({ method: "POST", path: "/v1/runner/heartbeat", token, body: { leases: [lease] } }, [200]);
	}

	async appendLog(token: string, text: string): Promise<void> {
		const headers = { "upload-offset": "0", "content-type": "application/octet-stream" };
		await this.#send({ method: "PATCH", path: "/v1/lease/log", token, headers, text }, [204]);
	}

	async finish(token: string, logLength: number): Promise<Job> {
		const body = { outcome: "passed", exitCode: 0, logLength };
		const answer = await this.#json<{ job: Job }>({ method: "POST", path: "/v1/lease/finish", token, body }, [200]);
		return answer.job;
	}

	/** The server may have closed what was idle, and must not be asked on it at that very moment. */
	async #renewConnection(): Promise<void> {
		const isIdle = performance.now() - this.#usedAt > idleMs;
		this.#usedAt = performance.now();
		if (!isIdle) return;
		this.#connection.close();
		this.#connection = await HttpConnection.open(this.#url);
	}

	async #json<T>(call: Call, statuses: number[]): Promise<T> {
		return JSON.parse((await this.#send(call, statuses)).body.toString());
	}

	async #send({ body, text, ...call }: Call, statuses: number[]): Promise<Answer> {
		const payload = body === undefined ? text : JSON.stringify(body);
		await this.#renewConnection();
		const answer = await this.#connection.send(encodeRequest({ token: this.#token, ...call, body: payload }));
		this.#usedAt = performance.now();
		if (statuses.includes(answer.status)) return answer;
		throw new Error(`${call.method} ${call.path}: ${answer.status} ${answer.body.toString().slice(0, 500)}`);
	}
}

interface Call extends Omit<Request, "body"> {
	/** Sent as JSON. */
	body?: object;
	/** Sent as it is. */
	text?: string;
}
