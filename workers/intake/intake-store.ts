// The intake in R2: one object per spilled run, written once, and beside it the mark of a cancel. Named so that a repository's runs
// stand together; when each was accepted stands in the metadata, so that a listing need not read the bodies.
import { hash } from "node:crypto";
import type { Intake, IntakeBell, NewerRecord, SpilledRun } from "../../src/contracts/objects/intake.ts";
import type { RepositoryName } from "../../src/contracts/objects/objects.ts";
import type { RunId } from "../../src/domain/ids.ts";
import type { Cancel } from "../../src/domain/job/job.ts";
import type { Bucket, Sender } from "../bindings/breakers.ts";
import { countSpilled } from "../metrics.ts";
import { report } from "../report.ts";
import { stored } from "../bindings/stored.ts";

export const intakePrefix = "intake/";
const canceledPrefix = "intake-canceled/";
const refusedPrefix = "intake-refused/";
const keysPrefix = "intake-keys/";
const asidePrefix = "unreadable/";
/** Records of one repository that are put in order: by name they stand in none, so of more a visit takes any thousand. */
const orderedMax = 1_000;
/** Sorts after every character that a name may have. */
const last = "\uffff";

/** Pages that one look reads for those: records of a newer build stand among them, and must not hide them. */
const pagesMax = 20;
const newer: NewerRecord = { form: "newer" };

const isNew = { onlyIf: { etagDoesNotMatch: "*" } };

export interface IntakeStores {
	ARCHIVE: Bucket;
	INTAKE: Sender<IntakeBell>;
}

export function intakeOf(env: IntakeStores): Intake {
	const { ARCHIVE: bucket } = env;
	const keyOf = ({ owner, repo }: RepositoryName, run: RunId) => `${intakePrefix}${owner}/${repo}/${run}`;
	const refusedOf = ({ owner, repo }: RepositoryName, run: RunId) => `${refusedPrefix}${owner}/${repo}/${run}`;
	const markOf = ({ owner, repo }: RepositoryName, run: RunId) => `${canceledPrefix}${owner}/${repo}/${run}`;
	// By its hash: a key is any text, and a name in the bucket is not.
	const keyedOf = ({ owner, repo }: RepositoryName, key: string) =>
		`${keysPrefix}${owner}/${repo}/${hash("sha256", key, "hex")}`;
	const keyHolder = (name: RepositoryName, key: string) =>
		stored(bucket.get(keyedOf(name, key)).then((found) => found?.text() ?? null));
	/** [Y8] What cannot be read is moved aside, where a person finds it: it holds up no other. */
	const read = async <T>(key: string, isIt: (value: unknown) => value is T): Promise<T | NewerRecord | null> => {
		const text = await stored(bucket.get(key).then((found) => found?.text() ?? null));
		if (text === null) return null;
		const value = parsedOrNull(text);
		if (isIt(value)) return value;
		if (typeof formOf(value) === "number") return newer;
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
			const { records, waiting } = await listRecords(bucket, `${intakePrefix}${owner}/${repo}/`);
			if (waiting > 0) report({ event: "intake-newer", repository: `${owner}/${repo}`, records: waiting });
			return records
				.map(({ key, customMetadata: { acceptedAt = "0" } = {} }) => {
					return { run: key.slice(key.lastIndexOf("/") + 1), acceptedAt: Number(acceptedAt) };
				})
				.sort((a, b) => a.acceptedAt - b.acceptedAt)
				.slice(0, limit)
				.map(({ run }) => run);
		},
		// Apart from those that are to be drained, so that no visit and no round passes over them.
		setRefused: async (spilled, refused) => {
			await stored(putRecord(bucket, refusedOf(spilled, spilled.run), { ...spilled, refused }));
			await stored(bucket.delete([keyOf(spilled, spilled.run), markOf(spilled, spilled.run)]));
		},
		takeKey: async (name, { key, run }) => {
			if ((await stored(bucket.put(keyedOf(name, key), run, isNew))) !== null) return { holder: run, isNew: true };
			// Null: forgotten between the two looks, after a day. Then the key is as good as this run's.
			return { holder: (await keyHolder(name, key)) ?? run, isNew: false };
		},
		keyHolder,
		forgetRefused: (before) =>
			forgetSome(bucket, refusedPrefix, ({ customMetadata }) => Number(customMetadata?.refusedAt ?? 0) < before),
		forgetKeys: (before) => forgetSome(bucket, keysPrefix, ({ uploaded }) => uploaded.getTime() < before),
		remove: async (name, run) => {
			await stored(bucket.delete([keyOf(name, run), markOf(name, run)]));
		},
		repositories: (call) => listRepositories(bucket, call),
		cancel: async (name, run, wish) => {
			await stored(bucket.put(markOf(name, run), JSON.stringify(wish), isNew));
		},
		canceled: async (name, run) => {
			const mark = await read(markOf(name, run), isCancel);
			return mark !== null && "form" in mark ? null : mark;
		},
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

function putRecord(bucket: Bucket, key: string, spilled: SpilledRun, options: R2PutOptions = {}) {
	const { form, acceptedAt, refused } = spilled;
	const times = { acceptedAt: String(acceptedAt), ...(refused ? { refusedAt: String(refused.at) } : {}) };
	const customMetadata = { form: String(form), ...times };
	return bucket.put(key, JSON.stringify(spilled), {
		...options,
		httpMetadata: { contentType: "application/json" },
		customMetadata,
	});
}

/** Those that this build can read, and how many of a newer one were met. A page with metadata holds less than it was asked for. */
async function listRecords(bucket: Bucket, prefix: string): Promise<{ records: R2Object[]; waiting: number }> {
	const records: R2Object[] = [];
	let waiting = 0;
	let cursor: string | undefined;
	for (let page = 0; page < pagesMax && records.length < orderedMax; page++) {
		const found = await stored(
			bucket.list({ prefix, include: ["customMetadata"], limit: orderedMax, ...(cursor ? { cursor } : {}) }),
		);
		const known = found.objects.filter(({ customMetadata }) => (customMetadata?.form ?? "1") === "1");
		records.push(...known);
		waiting += found.objects.length - known.length;
		if (!found.truncated) break;
		cursor = found.cursor;
	}
	return { records, waiting };
}

/** Where the last round ended, by prefix: each goes on from there, so that none stands before the others for ever. */
const forgottenTo = new Map<string, string | undefined>();

async function forgetSome(bucket: Bucket, prefix: string, isOld: (object: R2Object) => boolean): Promise<void> {
	const from = forgottenTo.get(prefix);
	const startAfter = from === undefined ? {} : { startAfter: from };
	const page = await stored(bucket.list({ prefix, include: ["customMetadata"], ...startAfter }));
	const old = page.objects.filter(isOld);
	if (old.length > 0) await stored(bucket.delete(old.map(({ key }) => key)));
	forgottenTo.set(prefix, page.truncated ? page.objects.at(-1)?.key : undefined);
}

/** One look for each: the first key after all of the repository before. */
async function listRepositories(
	bucket: Bucket,
	{ after, limit }: { after: RepositoryName | null; limit: number },
): Promise<RepositoryName[]> {
	const found: RepositoryName[] = [];
	let startAfter = after ? `${intakePrefix}${after.owner}/${after.repo}/${last}` : intakePrefix;
	while (found.length < limit) {
		const { objects } = await stored(bucket.list({ prefix: intakePrefix, startAfter, limit: 1 }));
		const [owner, repo] = objects[0]?.key.slice(intakePrefix.length).split("/") ?? [];
		if (!owner || !repo) break;
		found.push({ owner, repo });
		startAfter = `${intakePrefix}${owner}/${repo}/${last}`;
	}
	return found;
}
