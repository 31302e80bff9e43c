// What a request changes of a repository's settings.
import type { RepositorySettings } from "./submission.ts";

type Part<T> = { [Field in keyof T]?: T[Field] | undefined };
type Merged = "defaults" | "retryBudget" | "fairness";

/** What is absent stays as it was. */
export type SettingsChange = Part<Omit<RepositorySettings, Merged>> & {
	[Field in Merged]?: Part<RepositorySettings[Field]> | undefined;
};

/** `defaults`, `retryBudget` and `fairness` change field by field; `concurrencyGroups` is replaced as a whole. */
export function changeSettings(base: RepositorySettings, change: SettingsChange): RepositorySettings {
	const { defaults, retryBudget, fairness, ...flat } = change;
	return {
		...base,
		...given(flat),
		defaults: { ...base.defaults, ...given(defaults ?? {}) },
		retryBudget: { ...base.retryBudget, ...given(retryBudget ?? {}) },
		fairness: { ...base.fairness, ...given(fairness ?? {}) },
	};
}

function given<T extends object>(fields: T): { [Field in keyof T]?: Exclude<T[Field], undefined> } {
	return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as {
		[Field in keyof T]?: Exclude<T[Field], undefined>;
	};
}
