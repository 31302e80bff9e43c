// The intake in R2: one object per spilled run, written once, and beside it the mark of a cancel. Named so that a repository's runs
// stand together; when each was accepted stands in the metadata, so that a listing need not read the bodies.
import type { Intake, IntakeBell, SpilledRun } from "../../src/contracts/objects/intake.ts";
import type { RepositoryName } from "../../src/contracts/objects/objects.ts";
import type { RunId } from "../../src/domain/ids.ts";
import type { Cancel } from "../../src/domain/job/job.ts";
import type { Env } from "../env.ts";
import { countSpilled } from "../metrics.ts";
import { report } from "../report.ts";
import { stored } from "../bindings/stored.ts";

const prefix = "intake/";
const canceledPrefix = "intake-canceled/";
const refusedPrefix = "intake-refused/";
const asidePrefix = "unreadable/";
/** Records of one repository that are put in order: by name they stand in none, so of more a visit takes any thousand. */
const orderedMax = 1_000;
/** Sorts after every character that a name may have. */
const last = "\uffff";

const isNew = { onlyIf: { etagDoesNotMatch: "*" } };

export function intakeOf(env: Pick<Env, "ARCHIVE" | "INTAKE">): Intake {
	const { ARCHIVE: bucket } = env;
	const keyOf = ({ owner, repo }: RepositoryName, run: RunId) => `${prefix}${owner}/${repo}/${run}`;
	const refusedOf = ({ owner, repo }: RepositoryName, run: RunId) => `${refusedPrefix}${owner}/${repo}/${run}`;
	const markOf = ({ owner, repo }: RepositoryName, run: RunId) => `${canceledPrefix}${owner}/${repo}/${run}`;
	/** [Y8] What cannot be read is moved aside, where a person finds it: it holds up no other. */
	const read = async <T>(key: string, isIt: (value: unknown) => value is T): Promise<T | null> => {
		const text = await stored(bucket.get(key).then((found) => found?.text() ?? null));
		if (text === null) return null;
		const value = parsedOrNull(text);
		if (isIt(value)) return value;
		// A record of a newer build waits for that build.
		if (typeof formOf(value) === "number") return null;
		await stored(bucket.put(asidePrefix + key, text));
		await stored(bucket.delete(key));
		report({ event: "intake-unreadable", key: asidePrefix + key });
		return null;
	};
	return {
		put: async (spilled) => {
			const isFirst = (await stored(putRecord(bucket, keyOf(spilled, spilled.run), spilled, isNew))) !== null;
			if (isFirst) countSpilled({});
			return isFirst;
		},
		get: async (name, run) =>
			(await read(keyOf(name, run), isSpilledRun)) ?? (await read(refusedOf(name, run), isSpilledRun)),
		list: async ({ owner, repo }, limit) => {
			const found = (await listRecords(bucket, `${prefix}${owner}/${repo}/`)).flatMap(
				({ key, customMetadata: { acceptedAt = "0", form = "1" } = {} }) =>
					form === "1" ? [{ run: key.slice(key.lastIndexOf("/") + 1), acceptedAt: Number(acceptedAt) }] : [],
			);
			return found
				.sort((a, b) => a.acceptedAt - b.acceptedAt)
				.slice(0, limit)
				.map(({ run }) => run);
		},
		// Apart from those that are to be drained, so that no visit and no round passes over them.
		setRefused: async (spilled, refused) => {
			await stored(putRecord(bucket, refusedOf(spilled, spilled.run), { ...spilled, refused }));
			await stored(bucket.delete([keyOf(spilled, spilled.run), markOf(spilled, spilled.run)]));
		},
		forgetRefused: (before) => forgetRefused(bucket, before),
		remove: async (name, run) => {
			await stored(bucket.delete([keyOf(name, run), markOf(name, run)]));
		},
		repositories: (call) => listRepositories(bucket, call),
		cancel: async (name, run, wish) => {
			await stored(bucket.put(markOf(name, run), JSON.stringify(wish), isNew));
		},
		canceled: (name, run) => read(markOf(name, run), isCancel),
		ring: async (name) => {
			try {
				await stored(env.INTAKE.send({ bell: "intake", ...name } satisfies IntakeBell));
			} catch (cause) {
				report({ event: "bell-unrung", repository: `${name.owner}/${name.repo}`, cause: String(cause) });
			}
		},
	};
}

function parsedOrNull(text: string): unknown {
	try {
		return JSON.parse(text);
	} catch {
		return null;
	}
}

function formOf(value: unknown): unknown {
	return typeof value === "object" && value !== null && "form" in value && value.form !== 1 ? value.form : null;
}

function isSpilledRun(value: unknown): value is SpilledRun {
	const { form, run, submission, acceptedAt } = (value ?? {}) as Partial<SpilledRun>;
	return form === 1 && typeof run === "string" && typeof acceptedAt === "number" && Array.isArray(submission?.jobs);
}

function isCancel(value: unknown): value is Cancel {
	return typeof (value as Partial<Cancel> | null)?.at === "number";
}

function putRecord(bucket: R2Bucket, key: string, spilled: SpilledRun, options: R2PutOptions = {}) {
	const { form, acceptedAt, refused } = spilled;
	const times = { acceptedAt: String(acceptedAt), ...(refused ? { refusedAt: String(refused.at) } : {}) };
	const customMetadata = { form: String(form), ...times };
	return bucket.put(key, JSON.stringify(spilled), {
		...options,
		httpMetadata: { contentType: "application/json" },
		customMetadata,
	});
}

/** A page with metadata holds less than it was asked for where that is much. */
async function listRecords(bucket: R2Bucket, prefix: string): Promise<R2Object[]> {
	const found: R2Object[] = [];
	let cursor: string | undefined;
	do {
		const page = await stored(
			bucket.list({ prefix, include: ["customMetadata"], limit: orderedMax, ...(cursor ? { cursor } : {}) }),
		);
		found.push(...page.objects);
		cursor = page.truncated ? page.cursor : undefined;
	} while (cursor !== undefined && found.length < orderedMax);
	return found;
}

/** Where the last round ended: each goes on from there, so that none stands before the others for ever. */
let forgottenTo: string | undefined;

async function forgetRefused(bucket: R2Bucket, before: number): Promise<void> {
	const startAfter = forgottenTo === undefined ? {} : { startAfter: forgottenTo };
	const page = await stored(bucket.list({ prefix: refusedPrefix, include: ["customMetadata"], ...startAfter }));
	const old = page.objects.filter(({ customMetadata }) => Number(customMetadata?.refusedAt ?? 0) < before);
	if (old.length > 0) await stored(bucket.delete(old.map(({ key }) => key)));
	forgottenTo = page.truncated ? page.objects.at(-1)?.key : undefined;
}

/** One look for each: the first key after all of the repository before. */
async function listRepositories(
	bucket: R2Bucket,
	{ after, limit }: { after: RepositoryName | null; limit: number },
): Promise<RepositoryName[]> {
	const found: RepositoryName[] = [];
	let startAfter = after ? `${prefix}${after.owner}/${after.repo}/${last}` : prefix;
	while (found.length < limit) {
		const { objects } = await stored(bucket.list({ prefix, startAfter, limit: 1 }));
		const [owner, repo] = objects[0]?.key.slice(prefix.length).split("/") ?? [];
		if (!owner || !repo) break;
		found.push({ owner, repo });
		startAfter = `${prefix}${owner}/${repo}/${last}`;
	}
	return found;
}
