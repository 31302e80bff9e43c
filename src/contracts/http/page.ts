// A page of a list, and which runs a list of runs has: the same for the read model, the API's answers and the client.

/** `asOf`: how old what it shows is, RFC 3339; `stale`: it may not be true any more since then. */
export interface Page<T> {
	items: T[];
	/** Where the next page begins; null: this is the last one. */
	nextCursor: string | null;
	asOf: string;
	stale: boolean;
}

/** All that is there must hold. */
export interface RunFilter {
	state?: string | undefined;
	outcome?: string | undefined;
	ref?: string | undefined;
	actor?: string | undefined;
}
