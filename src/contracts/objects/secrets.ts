// Secrets between objects: sealed, with what people may know of them. A value in the clear is in a grant alone.
import type { Millis } from "../../domain/ids.ts";
import type { SecretTerms } from "../../domain/job/secret-terms.ts";

/** `sealed` null takes it away. Terms that are absent, from a Worker of an older deploy: the defaults. */
export interface SecretCall extends Partial<SecretTerms> {
	name: string;
	sealed: string | null;
}

/** What people may know of a secret. `at`: when it was set; null: before that was kept. */
export interface SecretFacts extends SecretTerms {
	name: string;
	at: Millis | null;
}

export interface SealedSecret extends SecretTerms {
	name: string;
	sealed: string;
}

/** An owner's key for data, itself sealed by the Worker's. `version` counts from 1: the highest is the one that seals. */
export interface DataKey {
	version: number;
	wrapped: string;
}

/** One slice of sealing anew. */
export interface Resealed {
	resealed: number;
	/** Those that were sealed so already. */
	right: number;
	/** Names of those that do not open: their Worker's key is gone, or they were changed. They stay as they are. */
	unreadable: string[];
	/** How many of the slice are sealed by which of the Worker's keys now, by the key's id. */
	sealingKeys: Record<string, number>;
	/** The name after which the next slice begins; null at the end. */
	next: string | null;
}
