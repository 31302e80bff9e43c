// Who this runner is to the server. It is kept in the runner's folder, so that a restart is the same runner; when the server
// no longer knows it, it registers anew. Given a runner token instead of one that may register, it is that runner and no other.
import { createClient } from "../../client/client.ts";
import { ProblemError } from "../../client/call-failure.ts";
import { isRetryable, sleep, waitMs } from "../../client/retryable.ts";
import type { RepeatPolicy } from "../../client/retryable.ts";
import type { RegisterRequest } from "../../contracts/http/runner.ts";
import { heartbeatSeconds } from "../../domain/limits.ts";
import type { EventLog } from "../event-log.ts";
import type { WorkFolder } from "../work-folder.ts";
import { openRegistration, sealRegistration } from "./kept-registration.ts";
import type { RegisteredRunner } from "./kept-registration.ts";

export interface RegistrationOptions {
	url: string;
	/** One with scope `runner:register`, or a runner's own. */
	token: string;
	owner: string;
	pool: string;
	request: RegisterRequest;
	folder: WorkFolder;
	policy: RepeatPolicy;
	eventLog: EventLog;
	signal: AbortSignal;
}

export class Registration {
	readonly #options: RegistrationOptions;
	/** What must be the same for a kept registration to be this runner's. */
	readonly #subject: string;
	#present: RegisteredRunner | null = null;
	#registering: Promise<RegisteredRunner> | null = null;

	constructor(options: RegistrationOptions) {
		this.#options = options;
		const { url, owner, pool, request } = options;
		const { name, labels, capacity } = request;
		this.#subject = JSON.stringify({ url, owner, pool, name, labels, capacity });
		this.#present = options.token.startsWith("spw_runner_")
			? { id: null, token: options.token, heartbeatSeconds }
			: this.#read();
	}

	/** Null before the server has answered. */
	get known(): RegisteredRunner | null {
		return this.#present;
	}

	/** Tries until the server answers; throws when it refuses. */
	async current(): Promise<RegisteredRunner> {
		if (this.#present) return this.#present;
		this.#registering ??= this.#register().finally(() => {
			this.#registering = null;
		});
		this.#present = await this.#registering;
		return this.#present;
	}

	/** The server does not know `refused`. Throws what it said when there is no other way to be known. */
	forget(refused: RegisteredRunner, failure: ProblemError): void {
		if (refused.id === null) throw failure;
		if (this.#present?.token !== refused.token) return;
		this.#present = null;
		this.#options.eventLog("runner-unknown", { runner: refused.id, code: failure.code });
	}

	async #register(): Promise<RegisteredRunner> {
		const { url, token, owner, pool, request, policy, eventLog, signal } = this.#options;
		const client = createClient({ url, token, retry: { deadlineMs: 0 } });
		// One key for all tries: whichever of them the server heard, it made one runner.
		const call = { idempotencyKey: crypto.randomUUID(), signal };
		for (let tried = 1; ; tried++) {
			try {
				const { id, token: own, heartbeatSeconds } = await client.registerRunner({ owner, pool }, request, call);
				const registered: RegisteredRunner = { id, token: own, heartbeatSeconds };
				if (!request.ephemeral) this.#keep(registered);
				eventLog("runner-registered", { runner: id, name: request.name, owner, pool });
				return registered;
			} catch (failure) {
				if (!isRetryable(failure, true)) throw failure;
				eventLog("register-failed", { reason: failure.message });
				await sleep(waitMs(failure, tried, policy), signal);
			}
		}
	}

	/** What it is sealed by, and for. */
	get #seal(): { subject: string; by: string } {
		return { subject: this.#subject, by: this.#options.token };
	}

	/** A disk that takes nothing keeps no runner from being one: its next start registers anew. */
	#keep(registered: RegisteredRunner): void {
		const { folder, eventLog } = this.#options;
		try {
			folder.writeRegistration(sealRegistration(registered, this.#seal));
		} catch (error) {
			eventLog("registration-not-kept", { reason: error instanceof Error ? error.message : String(error) });
		}
	}

	#read(): RegisteredRunner | null {
		if (this.#options.request.ephemeral) return null;
		const kept = openRegistration(this.#options.folder.readRegistration(), this.#seal);
		if (kept?.isOpen) this.#keep(kept.runner);
		return kept?.runner ?? null;
	}
}

/** 401 and 404 say that the server knows no such runner. */
export function isUnknownRunner(failure: unknown): failure is ProblemError {
	return failure instanceof ProblemError && (failure.status === 401 || failure.status === 404);
}
