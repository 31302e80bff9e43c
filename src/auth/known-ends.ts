// Which tokens or sessions have ended, as far as this isolate knows. Each owner is asked for itself, about the tokens in use here: so what one
// owner ends is no other's business, and nothing is bounded that somebody else could fill. A token that is in use is asked about
// in the background; whoever could not be asked for too long is refused for a while, and never let in.
import type { TokenName } from "../contracts/objects/owner.ts";
import type { Millis } from "../domain/ids.ts";

/** How old knowledge may be before it is asked for again, in the background. */
const freshMs = 30_000;
/** How old it may be at all. An end acts within 60 s: this leaves time for what looks only now and then, as an event stream. */
const keptMs = 45_000;
/** An owner that does not answer in this time is unknown. */
const lateMs = 3_000;
/** After a failure nobody asks again for this long: whoever calls then is refused at once. */
const againMs = 1_000;
/** Owners and tokens remembered, about 100 bytes each. Beyond it the longest unused are forgotten, and asked about again. */
const limitsDefault = { ownersMax: 10_000, tokensOfOwnerMax: 1_000, tokensMax: 50_000 };
/** Another ask may be under way that does not name this token yet; then there is one more. */
const asksMax = 3;

export class StandingUnknown extends Error {
	override name = "StandingUnknown";
}

/** `said`: what else the object says, as of the same moment. */
export interface EndsAnswer<Said> {
	ended: string[];
	said: Said;
}

export interface EndsPort<Said> {
	/** Which of the owner's tokens have ended; null: that cannot be told. Throws when nobody answers. */
	ask(owner: string, tokens: string[]): Promise<EndsAnswer<Said> | null>;
	/** Work that may outlive the request that began it. */
	later(work: Promise<unknown>): void;
}

interface Known {
	hasEnded: boolean;
	/** When it was asked about last. */
	at: Millis;
	usedAt: Millis;
}

interface Owner<Said> {
	/** By the newest answer; null: there was none yet. */
	said: Said | null;
	saidAt: Millis;
	tokens: Map<string, Known>;
	asking: { since: Millis; done: Promise<void> } | null;
	failedAt: Millis;
}

export class KnownEnds<Said> {
	readonly #now: () => Millis;
	readonly #limits: typeof limitsDefault;
	/** The longest unused first, and so are each owner's tokens. */
	readonly #owners = new Map<string, Owner<Said>>();
	#count = 0;

	constructor(now: () => Millis, limits: Partial<typeof limitsDefault> = {}) {
		this.#now = now;
		this.#limits = { ...limitsDefault, ...limits };
	}

	/** Null when it is known, which is nearly always; else resolves when it is. Throws `StandingUnknown`. */
	learn(name: TokenName, port: EndsPort<Said>): Promise<void> | null {
		const now = this.#now();
		const owner = this.#useOwner(name.owner);
		const known = this.#useToken(owner, name.token);
		const ageMs = now - known.at;
		if (known.hasEnded || ageMs < freshMs) return null;
		if (ageMs >= keptMs) return this.#untilKnown(name, port);
		if (owner.asking === null && now - owner.failedAt >= againMs) port.later(this.#ask(name.owner, owner, port));
		return null;
	}

	/** Unknown: nobody asked, or the answer is too old. */
	standing({ owner, token }: TokenName): "good" | "ended" | "unknown" {
		const known = this.#owners.get(owner)?.tokens.get(token);
		if (known?.hasEnded) return "ended";
		return known !== undefined && this.#now() - known.at < keptMs ? "good" : "unknown";
	}

	/** What the owner's object said last, of whose tokens at least one is known. */
	said(owner: string): Said | null {
		return this.#owners.get(owner)?.said ?? null;
	}

	/** It was ended from here: known at once, whatever an ask under way still brings. */
	note({ owner, token }: TokenName): void {
		this.#useToken(this.#useOwner(owner), token).hasEnded = true;
	}

	async #untilKnown(name: TokenName, port: EndsPort<Said>): Promise<void> {
		for (let asks = 0; asks < asksMax; asks++) {
			const owner = this.#useOwner(name.owner);
			// Named by the next ask.
			this.#useToken(owner, name.token);
			if (this.standing(name) !== "unknown") return;
			const now = this.#now();
			const isLate = owner.asking !== null && now - owner.asking.since >= lateMs;
			if (owner.asking === null || isLate) {
				if (now - owner.failedAt < againMs) break;
				port.later(this.#ask(name.owner, owner, port));
			}
			await within(lateMs, owner.asking?.done);
		}
		if (this.standing(name) === "unknown") throw new StandingUnknown(`it is not known what of ${name.owner} has ended`);
	}

	/** Names all tokens in use. Never throws: what is not answered stays unknown. */
	#ask(name: string, owner: Owner<Said>, port: EndsPort<Said>): Promise<void> {
		const since = this.#now();
		const tokens: string[] = [];
		for (const [token, { hasEnded, usedAt }] of owner.tokens) {
			if (hasEnded) continue;
			if (since - usedAt < keptMs) tokens.push(token);
			else this.#drop(owner, token);
		}
		const done = port
			.ask(name, tokens)
			.then((answer) => {
				if (answer === null) throw new StandingUnknown(name);
				owner.failedAt = Number.NEGATIVE_INFINITY;
				if (since >= owner.saidAt) {
					owner.said = answer.said;
					owner.saidAt = since;
				}
				const gone = new Set(answer.ended);
				for (const token of tokens) {
					const known = owner.tokens.get(token);
					if (known === undefined) continue;
					known.at = since;
					known.hasEnded ||= gone.has(token);
				}
			})
			.catch(() => {
				owner.failedAt = this.#now();
			})
			.finally(() => {
				if (owner.asking?.done === done) owner.asking = null;
			});
		owner.asking = { since, done };
		return done;
	}

	#useOwner(name: string): Owner<Said> {
		const known = this.#owners.get(name);
		const owner: Owner<Said> = known ?? {
			said: null,
			saidAt: 0,
			tokens: new Map(),
			asking: null,
			failedAt: Number.NEGATIVE_INFINITY,
		};
		if (known) this.#owners.delete(name);
		else if (this.#owners.size >= this.#limits.ownersMax) this.#forgetOldest();
		this.#owners.set(name, owner);
		return owner;
	}

	#useToken(owner: Owner<Said>, token: string): Known {
		const now = this.#now();
		const known = owner.tokens.get(token);
		if (known) {
			known.usedAt = now;
			owner.tokens.delete(token);
			owner.tokens.set(token, known);
			return known;
		}
		const [oldest] = owner.tokens.keys();
		if (oldest !== undefined && owner.tokens.size >= this.#limits.tokensOfOwnerMax) this.#drop(owner, oldest);
		while (this.#count >= this.#limits.tokensMax && this.#owners.size > 1) this.#forgetOldest();
		const fresh = { hasEnded: false, at: Number.NEGATIVE_INFINITY, usedAt: now };
		owner.tokens.set(token, fresh);
		this.#count++;
		return fresh;
	}

	#drop(owner: Owner<Said>, token: string): void {
		if (owner.tokens.delete(token)) this.#count--;
	}

	#forgetOldest(): void {
		const [oldest] = this.#owners;
		if (oldest === undefined) return;
		const [name, { tokens }] = oldest;
		this.#count -= tokens.size;
		this.#owners.delete(name);
	}
}

/** Gives up after a while in silence: whoever waits looks at what is known then. */
async function within(ms: number, work: Promise<void> | undefined): Promise<void> {
	let timer: ReturnType<typeof setTimeout> | undefined;
	const late = new Promise<void>((resolve) => {
		timer = setTimeout(resolve, ms);
	});
	try {
		await Promise.race([work, late]);
	} finally {
		clearTimeout(timer);
	}
}
