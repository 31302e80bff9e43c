// One issuer as a far end: each call has a deadline, a bounded answer and goes to no other address than the one that was meant, since
// a client's secret or a person's code goes with it. What it signs and publishes is kept for a while.
import { inTime } from "../../contracts/wire/in-time.ts";
import { Outage } from "../../contracts/wire/outage.ts";

/** The platform's, which tests give as it is. */
export type Fetch = (address: string, init: RequestInit) => Promise<Response>;

export interface IssuerCall {
	headers?: Record<string, string>;
	/** Sent by POST; absent: GET. */
	form?: Record<string, string>;
}

export interface Reply {
	status: number;
	/** Null when it was no JSON. */
	body: unknown;
}

/** Somebody waits before a browser. */
const answerMs = 5_000;
/** The largest set of keys that was seen is a tenth of this. */
const answerBytesMax = 262_144;
/** Of one isolate: whoever floods the callback with codes of their own makes no more calls at once than this. */
const callsMax = 16;

export class IssuerClient {
	readonly #name: string;
	readonly #fetch: Fetch;
	readonly #answerMs: number;
	#underWay = 0;

	constructor(name: string, fetch: Fetch, waits: { answerMs?: number } = {}) {
		this.#name = name;
		this.#fetch = fetch;
		this.#answerMs = waits.answerMs ?? answerMs;
	}

	/** Throws an `Outage` for no answer in time, one that is too large, a redirect, 429 and 5xx. */
	async ask(address: string, call: IssuerCall = {}): Promise<Reply> {
		if (this.#underWay >= callsMax) throw this.away(`${callsMax} calls are under way`);
		this.#underWay++;
		const end = new AbortController();
		try {
			return await inTime(this.#exchange(address, call, end.signal), this.#answerMs, () => {
				throw this.away(`no answer in ${this.#answerMs} ms`);
			});
		} finally {
			end.abort();
			this.#underWay--;
		}
	}

	/** `why` has no query and no body in it: there may be a code in one, and a secret in the other. */
	away(why: string, cause?: unknown): Outage {
		return new Outage(`the issuer ${this.#name}: ${why}`, { cause });
	}

	async #exchange(address: string, { headers = {}, form }: IssuerCall, signal: AbortSignal): Promise<Reply> {
		const { origin, pathname } = new URL(address);
		const at = `${origin}${pathname}`;
		const init: RequestInit = {
			method: form === undefined ? "GET" : "POST",
			headers: { accept: "application/json", "user-agent": "spillway", ...headers },
			redirect: "manual",
			signal,
			...(form === undefined ? {} : { body: new URLSearchParams(form) }),
		};
		const response = await this.#fetch(address, init).catch((cause: unknown) => {
			throw this.away(`${at} cannot be reached`, cause);
		});
		const { status } = response;
		if (status === 429 || status >= 500 || (status >= 300 && status < 400) || status === 0) {
			throw this.away(`${at} answered with ${status}`);
		}
		const text = await this.#read(response, at);
		return { status, body: parsed(text) };
	}

	async #read(response: Response, at: string): Promise<string> {
		const decoder = new TextDecoder();
		const reader = response.body?.getReader();
		let text = "";
		let bytes = 0;
		while (reader) {
			const { done, value } = await reader.read().catch((cause: unknown) => {
				throw this.away(`the answer of ${at} broke off`, cause);
			});
			if (done) break;
			bytes += value.byteLength;
			if (bytes > answerBytesMax) throw this.away(`the answer of ${at} has more than ${answerBytesMax} bytes`);
			text += decoder.decode(value, { stream: true });
		}
		return text + decoder.decode();
	}
}

function parsed(text: string): unknown {
	try {
		return JSON.parse(text);
	} catch {
		return null;
	}
}
