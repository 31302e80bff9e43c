// What an answer must have to be one of a Spillway server's. A proxy in between says 200 with an empty body, `null` or `{}` as
// well; each call names the fields that its callers cannot do without, and what has them not is no answer.

type Kind<V> = [V] extends [string]
	? "text"
	: [V] extends [number]
		? "number"
		: [V] extends [boolean]
			? "flag"
			: [V] extends [readonly unknown[]]
				? "list"
				: "object";
type Kinds<T> = { [K in keyof T]-?: null extends T[K] ? `${Kind<NonNullable<T[K]>>} or null` : Kind<T[K]> };

/** At least one field of `T`, with what it must be. A union over the fields: an object type of all of them would demand each. */
export type Shape<T> = { [K in keyof T]-?: Pick<Kinds<T>, K> & Partial<Kinds<T>> }[keyof T];

/** Whether the fields that `shape` names are there. Of all others nothing is known, whatever the type then says. */
export function hasShape<T>(body: unknown, shape: Shape<T>): body is T {
	if (typeof body !== "object" || body === null) return false;
	return Object.entries(shape).every(([field, kinds]) => {
		const kind = kindOf((body as Record<string, unknown>)[field]);
		return String(kinds).split(" or ").includes(kind);
	});
}

function kindOf(value: unknown): string {
	if (value === null) return "null";
	if (Array.isArray(value)) return "list";
	switch (typeof value) {
		case "string":
			return "text";
		case "boolean":
			return "flag";
		default:
			return typeof value;
	}
}
