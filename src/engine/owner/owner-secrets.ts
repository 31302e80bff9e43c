// The owner's secrets, which jobs of all its repositories may be given, and the data key that seals them and the repositories' own.
import type { DataKey, Resealed, SealedSecret, SecretCall, SecretFacts } from "../../contracts/objects/secrets.ts";
import { secretTermsDefault } from "../../domain/job/secret-terms.ts";
import { accept, refuse } from "../../domain/refusal.ts";
import type { Result } from "../../domain/refusal.ts";
import type { World } from "../ports.ts";
import { SealedSecrets } from "../sealed-secrets.ts";
import { resealSlice, sealAnew } from "../secret-sealer.ts";
import type { SecretSealer } from "../secret-sealer.ts";
import type { OwnerTables } from "./owner-tables.ts";

export interface OwnerSecretsPorts {
	owner: string;
	world: Pick<World, "now">;
	sealer: SecretSealer;
	tables: OwnerTables;
}

export class OwnerSecrets {
	readonly #owner: string;
	readonly #world: Pick<World, "now">;
	readonly #sealer: SecretSealer;
	readonly #tables: OwnerTables;

	constructor({ owner, world, sealer, tables }: OwnerSecretsPorts) {
		this.#owner = owner;
		this.#world = world;
		this.#sealer = sealer;
		this.#tables = tables;
	}

	set({ name, sealed, ...terms }: SecretCall): Result<null> {
		const secrets = this.#found;
		if (sealed === null) {
			if (!secrets?.has(name)) return refuse({ code: "secret-unknown" });
			secrets.delete(name);
			return accept(null);
		}
		const place = { owner: this.#owner, repo: null, name };
		// What does not open now would not later either; as it is, a job that asks for it is refused with that reason.
		const kept = sealAnew(this.#sealer, this.dataKey(), place, sealed) ?? sealed;
		new SealedSecrets(this.#tables.made).save(
			{ name, sealed: kept, ...secretTermsDefault, ...terms },
			this.#world.now(),
		);
		return accept(null);
	}

	facts(): SecretFacts[] {
		return this.#found?.facts() ?? [];
	}

	named(names: readonly string[]): SealedSecret[] {
		return [...(this.#found?.named(names).values() ?? [])];
	}

	/** Made at the first use; sealed by the Worker's first key, whenever it is asked for. One that does not open is replaced. */
	dataKey(): DataKey {
		const known = this.#key;
		if (known === null) return this.#save(this.#sealer.makeDataKey(this.#owner, 1));
		const [first] = this.#sealer.sealingKeys();
		if (this.#sealer.sealedBy(known.wrapped).sealingKey === first) return known;
		return this.#save(this.#rewrapped(known) ?? this.#sealer.makeDataKey(this.#owner, known.version + 1));
	}

	/** Null: the Worker's key that sealed it is gone, and so is all that it sealed. */
	#rewrapped(known: DataKey): DataKey | null {
		try {
			return this.#sealer.rewrapDataKey(this.#owner, known);
		} catch {
			return null;
		}
	}

	/** [B34] A new data key, unless one is being brought to all secrets already: then that goes on. */
	beginRotation(): DataKey {
		const known = this.#key;
		if (known === null || !this.#isRotating) {
			this.#save(this.#sealer.makeDataKey(this.#owner, (known?.version ?? 0) + 1));
			this.#tables.made.exec("UPDATE data_key SET rotating = 1");
		}
		return this.dataKey();
	}

	/** All secrets have been gone through with this key. */
	endRotation(version: number): void {
		this.#tables.made.exec("UPDATE data_key SET rotating = 0 WHERE version = ?", version);
	}

	reseal(slice: { after: string; limit: number }): Resealed {
		const kept = new SealedSecrets(this.#tables.made);
		const place = { owner: this.#owner, repo: null };
		return resealSlice({ sealer: this.#sealer, key: this.dataKey(), kept }, place, slice);
	}

	get #found(): SealedSecrets | null {
		const { found } = this.#tables;
		return found && new SealedSecrets(found);
	}

	get #key(): DataKey | null {
		const keys = "SELECT version, wrapped FROM data_key";
		return this.#tables.found?.exec<{ version: number; wrapped: string }>(keys).toArray()[0] ?? null;
	}

	get #isRotating(): boolean {
		return this.#tables.made.exec("SELECT 1 FROM data_key WHERE rotating = 1").toArray().length > 0;
	}

	/** One row: what an older key sealed has it beside itself. */
	#save(key: DataKey): DataKey {
		this.#tables.made.exec(
			`INSERT INTO data_key (id, version, wrapped, rotating) VALUES (1, ?1, ?2, 0)
			ON CONFLICT (id) DO UPDATE SET version = ?1, wrapped = ?2`,
			key.version,
			key.wrapped,
		);
		return key;
	}
}
