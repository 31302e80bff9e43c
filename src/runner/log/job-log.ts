// What a job prints on its way to the spool: secrets are masked here, before anything is on disk or leaves the machine. So
// every length, offset and hash that is told of a log is of the masked one.
import type { Grant } from "../../contracts/http/runner.ts";
import { LogSpool } from "./log-spool.ts";
import type { LogSpoolOptions } from "./log-spool.ts";
import { JobTokenMask } from "./masking/job-token-mask.ts";
import { Redactor } from "./masking/redactor.ts";
import { secretForms } from "./masking/secret-forms.ts";

/** So long a viewer waits for bytes that look like the beginning of a secret, and tell less than four characters of it. */
const heldMs = 250;

export class JobLog {
	readonly spool: LogSpool;
	readonly #tokenMask: JobTokenMask;
	readonly #redactor: Redactor;
	#heldTimer: NodeJS.Timeout | null = null;

	constructor(options: LogSpoolOptions, { job, lease }: Grant) {
		this.spool = new LogSpool(options);
		const forms = secretForms([...Object.values(job.secrets), lease.token]);
		this.#redactor = new Redactor(forms, (bytes) => this.spool.append(bytes));
		this.#tokenMask = new JobTokenMask((bytes) => this.#redactor.append(bytes));
	}

	append(bytes: Uint8Array): void {
		this.#tokenMask.append(bytes);
		if (this.#redactor.isHolding) this.#heldTimer ??= setTimeout(() => this.#release(), heldMs);
	}

	/** A line of the runner's own. Returns the position at which it begins. */
	note(text: string): number {
		this.#flush();
		return this.spool.note(text);
	}

	/** Of the end of all that was printed. */
	end(): number {
		this.#flush();
		return this.spool.position;
	}

	seal(): { length: number; sha256: string } {
		this.#flush();
		this.#stopTimer();
		return this.spool.seal();
	}

	/** Nothing is appended after it. */
	close(): void {
		this.#stopTimer();
		this.spool.close();
	}

	#flush(): void {
		this.#tokenMask.end();
		this.#redactor.flush();
	}

	#release(): void {
		this.#heldTimer = null;
		this.#redactor.release();
	}

	#stopTimer(): void {
		if (this.#heldTimer !== null) clearTimeout(this.#heldTimer);
		this.#heldTimer = null;
	}
}
