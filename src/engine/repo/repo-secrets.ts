// The secrets of a repository's jobs: its own, and copies of its owner's. They are set, listed, sealed anew, and opened for a grant.
import type { DataKey, Resealed, SealedSecret, SecretCall, SecretFacts } from "../../contracts/objects/secrets.ts";
import type { WaitingJob } from "../../domain/job/job.ts";
import { secretTermsDefault, whyWithheld } from "../../domain/job/secret-terms.ts";
import { assert, accept, refuse } from "../../domain/refusal.ts";
import type { Result } from "../../domain/refusal.ts";
import type { Run } from "../../domain/run/run.ts";
import type { World } from "../ports.ts";
import type { SealedSecrets } from "../sealed-secrets.ts";
import { resealSlice, sealAnew } from "../secret-sealer.ts";
import type { SecretPlace } from "../secret-sealer.ts";
import { OwnerCopies } from "./owner-copies.ts";
import type { RepoOutside } from "./repo-ports.ts";
import type { ConfiguredRepository } from "./repository-row.ts";

/** After a data key could not be had, it is not asked for again so soon. */
const keyAgainMs = 60_000;

/**
 * What a job's secrets come to: their values in the clear, which are only on their way to the grant [W17]; or why it may not have
 * one; or names of which the owner's object must be asked first.
 */
export type OpenedSecrets =
	| { is: "open"; values: Record<string, string> }
	| { is: "refused"; reason: string }
	| { is: "unknown"; names: string[] };

interface Around {
	secrets: SealedSecrets;
	repository(): ConfiguredRepository | null;
}

export class RepoSecrets {
	readonly copies: OwnerCopies;
	readonly #world: World;
	readonly #outside: RepoOutside;
	readonly #around: Around;
	/** OpenedSecrets, or set, while they were sealed by the Worker's key directly. */
	readonly #touched = new Set<string>();
	#keyAskedAt = Number.NEGATIVE_INFINITY;
	/** The newest that this object has heard of: a slower answer may bring an older one. */
	#key: DataKey | null = null;

	constructor({ world, outside }: { world: World; outside: RepoOutside }, around: Around) {
		this.#world = world;
		this.#outside = outside;
		this.#around = around;
		this.copies = new OwnerCopies(world, (names) => outside.owner(this.#known.owner).secretsFor(names));
	}

	/** Stored as it came, then sealed by the data key, if that is to be had: it need not be, for the secret to be set. */
	async set({ name, sealed, ...terms }: SecretCall): Promise<Result<null>> {
		const { secrets } = this.#around;
		if (sealed === null) {
			if (!secrets.has(name)) return refuse({ code: "secret-unknown" });
			secrets.delete(name);
			return accept(null);
		}
		secrets.save({ name, sealed, ...secretTermsDefault, ...terms }, this.#world.now());
		this.#touched.add(name);
		this.#keyAskedAt = Number.NEGATIVE_INFINITY;
		await this.sealTouched();
		return accept(null);
	}

	facts(): SecretFacts[] {
		return this.#around.secrets.facts();
	}

	/** [B30] The repository's own first: with its terms, whatever the owner's of that name are. */
	open({ spec }: WaitingJob, run: Run): OpenedSecrets {
		const { owner, repo, settings } = this.#known;
		const values: Record<string, string> = {};
		if (spec.secrets.length === 0) return { is: "open", values };
		const own = this.#around.secrets.named(spec.secrets);
		const found = spec.secrets.map((name) => ({ name, secret: own.get(name) ?? this.copies.of(name) }));
		const unknown = found.filter(({ secret }) => secret === undefined).map(({ name }) => name);
		if (unknown.length > 0) return { is: "unknown", names: unknown };
		for (const { name, secret } of found) {
			if (!secret) return { is: "refused", reason: `the secret "${name}" is not set` };
			// Here and nowhere else: whatever made the attempt, it is granted here [B29].
			const withheld = whyWithheld(name, secret, { run, settings });
			if (withheld !== null) return { is: "refused", reason: withheld };
			try {
				values[name] = this.#openOne({ owner, repo: own.has(name) ? repo : null, name }, secret);
			} catch {
				// The cause may quote the value.
				return { is: "refused", reason: `the secret "${name}" cannot be opened: set it again` };
			}
		}
		return { is: "open", values };
	}

	/** What a claim leaves to be done beside the work. */
	afterClaim(): void {
		this.copies.renew();
		void this.sealTouched();
	}

	/** [B33] Never throws, and is begun anew by the next touch: it only seals better what is sealed. */
	async sealTouched(): Promise<void> {
		const now = this.#world.now();
		if (this.#touched.size === 0 || now - this.#keyAskedAt < keyAgainMs) return;
		this.#keyAskedAt = now;
		const { owner, repo } = this.#known;
		try {
			this.#learnKey(await this.#outside.owner(owner).dataKey({ repo }));
		} catch {
			return;
		}
		const key = this.#key;
		assert(key, "it was just learnt");
		const { secrets } = this.#around;
		for (const [name, { sealed }] of secrets.named([...this.#touched])) {
			const after = sealAnew(this.#outside.sealer, key, { owner, repo, name }, sealed);
			if (after !== null) secrets.replace(name, { before: sealed, after });
		}
		this.#touched.clear();
	}

	reseal({ key, ...slice }: { key: DataKey; after: string; limit: number }): Resealed {
		const { owner, repo } = this.#known;
		this.#learnKey(key);
		return resealSlice(
			{ sealer: this.#outside.sealer, key: this.#key ?? key, kept: this.#around.secrets },
			{ owner, repo },
			slice,
		);
	}

	#learnKey(key: DataKey): void {
		if (key.version >= (this.#key?.version ?? 0)) this.#key = key;
	}

	#openOne(place: SecretPlace, { name, sealed }: SealedSecret): string {
		const { sealer } = this.#outside;
		if (place.repo !== null && sealer.sealedBy(sealed).dataKey === null) this.#touched.add(name);
		return sealer.open(place, sealed);
	}

	get #known(): ConfiguredRepository {
		const repository = this.#around.repository();
		assert(repository, "only a known repository has secrets");
		return repository;
	}
}
