// A server with two owners: the one whose principals call, and another whose every text carries a marker that no answer to those may
// have. Both have runs that wait, run and ended, logs, runners, tokens, secrets and members.
import { Agent } from "node:http";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Child } from "../../scripts/child.ts";
import { startServer } from "../../scripts/child.ts";
import type { Grant, Registered } from "../../src/contracts/http/runner.ts";
import type { Run } from "../../src/contracts/http/run.ts";
import type { TokenMade } from "../../src/contracts/http/token.ts";
import { send } from "../fixture-wire.ts";
import type { Known } from "./requests.ts";

export const marker = "the-rivals-own-9f3c61";

export interface Principal {
	name: string;
	/** As the document's `security` calls it; null: it is nobody. */
	kind: "access" | "operator" | "runner" | "lease" | null;
	authorization: string | null;
}

interface Owned {
	known: Known;
	grant: Grant;
	runner: Registered;
}

export class PlantedSite {
	readonly url: string;
	readonly agent = new Agent({ keepAlive: true, maxSockets: 8 });
	readonly #child: Child;
	readonly #folder: string;
	readonly #operator: string;
	principals: Principal[] = [];
	own: Known = {};
	others: Known = {};

	private constructor(url: string, operator: string, { child, folder }: { child: Child; folder: string }) {
		this.url = url;
		this.#operator = operator;
		this.#child = child;
		this.#folder = folder;
	}

	static async open(): Promise<PlantedSite> {
		const folder = await mkdtemp(join(tmpdir(), "spillway-published-"));
		const { child, ready } = await startServer(join(folder, "data"));
		const site = new PlantedSite(ready.url, ready.operatorToken, { child, folder });
		await site.#plant();
		return site;
	}

	/** What the server complained of: no call may bring it to a fault. */
	get complaint(): string {
		return this.#child.complaint;
	}

	/** The switches as they were, whatever a call set: the others need a server that takes runs. */
	async restore(): Promise<void> {
		await this.#send("PATCH", "/v1/switches", {
			acceptRuns: true,
			dispatch: true,
			spill: "auto",
			archive: true,
			project: true,
		});
	}

	async close(): Promise<void> {
		this.agent.destroy();
		await this.#child.stop();
		await rm(this.#folder, { recursive: true });
	}

	async #plant(): Promise<void> {
		const rival = await this.#own("rival", marker);
		const own = await this.#own("acme", "acme's");
		const token = async (name: string, scopes: string[], rest: object = {}) =>
			(await this.#send<TokenMade>("POST", "/v1/tokens", { owner: "acme", name, scopes, ...rest })).token;
		const spare = await this.#send<TokenMade>("POST", "/v1/tokens", { owner: "acme", name: "spare", scopes: ["read"] });
		const access = (name: string, text: string): Principal => ({
			name,
			kind: "access",
			authorization: `Bearer ${text}`,
		});
		this.principals = [
			access("all of acme", await token("all", ["read", "write", "admin", "runner:register"])),
			access("all of acme, again", await token("all again", ["read", "write", "admin", "runner:register"])),
			access("a reader", await token("reader", ["read"])),
			access("one for web alone", await token("web", ["read", "write", "admin"], { repos: ["web"] })),
			{ name: "the operator", kind: "operator", authorization: `Bearer ${this.#operator}` },
			{ name: "a runner", kind: "runner", authorization: `Bearer ${own.runner.token}` },
			{ name: "a lease", kind: "lease", authorization: `Bearer ${own.grant.lease.token}` },
			{ name: "nobody", kind: null, authorization: null },
			{ name: "a forger", kind: null, authorization: `Bearer ${own.runner.token.slice(0, -4)}0000` },
		];
		this.own = { ...own.known, id: [spare.id] };
		this.others = rival.known;
	}

	/** One run that ended with a log, one that runs, one that waits. */
	async #own(owner: string, text: string): Promise<Owned> {
		const repo = owner === "rival" ? "vault" : "web";
		const at = `/v1/repos/${owner}/${repo}`;
		await this.#send("PUT", at, { cloneUrl: `https://git.example/${text.replace(/\W/g, "-")}.git`, pauseNote: text });
		await this.#send("PUT", `${at}/secrets/${owner.toUpperCase()}_SECRET`, { value: `${text} secret` });
		const token = await this.#send<TokenMade>("POST", "/v1/tokens", { owner, name: text, scopes: ["read"] });
		const runner = await this.#register(owner, text);
		const spare = await this.#register(owner, `${text} spare`);
		const ended = await this.#submit(at, text);
		const first = await this.#work(runner, text);
		await this.#send(
			"POST",
			"/v1/lease/finish",
			{ outcome: "failed", exitCode: 1, reason: text, logLength: text.length },
			first.lease.token,
		);
		const running = await this.#submit(at, text);
		const grant = await this.#work(runner, text);
		const waiting = await this.#submit(at, text);
		const runs = [ended, running, waiting];
		return {
			grant,
			runner,
			known: {
				owner: [owner],
				repo: [repo],
				pool: ["default"],
				run: [...runs.map(({ id }) => id), "latest", "1"],
				job: [...runs.flatMap(({ jobs = [] }) => jobs.map(({ id }) => id)), "test"],
				attempt: ["1"],
				runner: [spare.id],
				name: [`${owner.toUpperCase()}_SECRET`],
				id: [token.id],
				q: [text, "e"],
				ref: ["refs/heads/main"],
				leases: [grant.lease.id],
				repos: [repo],
			},
		};
	}

	#register(owner: string, name: string): Promise<Registered> {
		return this.#send("POST", `/v1/pools/${owner}/default/runners`, { name, capacity: 4 });
	}

	#submit(at: string, text: string): Promise<Run> {
		const job = { key: "test", name: text, run: `echo ${text}`, env: { TEXT: text } };
		return this.#send("POST", `${at}/runs`, { title: text, source: null, actor: text, jobs: [job] });
	}

	/** The next job of the runner's, started, with a log. */
	async #work(runner: Registered, text: string): Promise<Grant> {
		const grant = await this.#send<Grant>("POST", "/v1/runner/acquire", { waitSeconds: 20 }, runner.token);
		await this.#send("POST", "/v1/lease/start", {}, grant.lease.token);
		const headers = { "upload-offset": "0" };
		await send("PATCH", `${this.url}/v1/lease/log`, { token: grant.lease.token, headers, bytes: text });
		return grant;
	}

	async #send<T>(method: string, path: string, json: unknown, token = this.#operator): Promise<T> {
		const answer = await send<T>(method, this.url + path, { token, json });
		if (answer.status >= 300) throw new Error(`${method} ${path}: ${answer.status} ${JSON.stringify(answer.body)}`);
		return answer.body;
	}
}
