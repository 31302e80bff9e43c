// What the fake server knows of one lease: its grant, and all that the runner said about it.
import type { FinishRequest, ReportedStep } from "../../contracts/http/lease.ts";
import type { Grant, LeaseState } from "../../contracts/http/runner.ts";

export class FakeLease {
	readonly grant: Grant;
	state: LeaseState = "ok";
	/** Acquire and heartbeat named it this often. */
	renewals = 0;
	starts = 0;
	log: Buffer = Buffer.alloc(0);
	/** Offset and length of each upload that was taken. */
	readonly uploads: { offset: number; length: number }[] = [];
	steps: ReportedStep[] = [];
	/** Every finish that came, also those that were not acknowledged. */
	readonly finishes: FinishRequest[] = [];
	/** The one that was acknowledged. */
	finish: FinishRequest | null = null;
	/** Frames that came by an upload socket. */
	frames = 0;

	constructor(grant: Grant) {
		this.grant = grant;
	}

	get text(): string {
		return this.log.toString();
	}

	/** False, and nothing is stored, when bytes are missing before `offset`. */
	append(offset: number, bytes: Uint8Array): boolean {
		if (offset > this.log.length) return false;
		this.log = Buffer.concat([this.log, bytes.subarray(this.log.length - offset)]);
		this.uploads.push({ offset, length: bytes.length });
		return true;
	}
}

let leases = 0;

/** A grant of one job; the steps are shell lines. */
export function buildGrant(
	job: Partial<Grant["job"]> & { run?: string | string[] } = {},
	rest: Partial<Grant> = {},
): Grant {
	const { run = "true", ...fields } = job;
	const id = `jtest-${leases++}`;
	return {
		lease: {
			id: `${id}.1`,
			token: `token-of-${id}.1`,
			epoch: 1,
			startBySeconds: 10,
			renewSeconds: 30,
			stopAfterSeconds: 30,
		},
		job: {
			id,
			key: "test",
			name: "test",
			steps: [run].flat().map((line, at) => ({ name: `step ${at + 1}`, run: line })),
			env: {},
			secrets: {},
			timeoutSeconds: 60,
			attempt: 1,
			exclusive: false,
			logBytesMax: 100 * 1024 * 1024,
			...fields,
		},
		run: { id: "rtest", number: 7, source: null, title: null },
		repository: { owner: "acme", repo: "web" },
		...rest,
	};
}

/** The heading that stands before a step's output. */
export function headingOf(name: string): string {
	return `\u001b[1;36m▸ ${name}\u001b[0m\n`;
}
