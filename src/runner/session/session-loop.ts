// The loop that holds the runner's session: grants, cancels and losses come by it, and its pings keep every lease alive, so
// that no call is made to wait for work or to renew. Where none can be had (an old server, a proxy that refuses upgrades) the
// polling gate opens, the other two loops do the same by calls, and this one tries again now and then.
import { jitteredMs, isRetryable, sleep, untilAborted } from "../../client/retryable.ts";
import type { RepeatPolicy } from "../../client/retryable.ts";
import { RunnerSession } from "../../client/runner-session.ts";
import type { SocketEnd } from "../../client/server-socket.ts";
import type { Grant } from "../../contracts/http/runner.ts";
import {
	forgottenCloseCode,
	malformedFrameCloseCode,
	replacedCloseCode,
	tokenEndedCloseCode,
} from "../../contracts/wire/sockets/close-code.ts";
import type { ServerFrame } from "../../contracts/wire/sockets/runner-session.ts";
import type { EventLog } from "../event-log.ts";
import type { Health } from "../machine/health.ts";
import type { Gate } from "./gate.ts";
import type { HeldJobs } from "./held-jobs.ts";
import type { RegisteredRunner } from "./kept-registration.ts";
import type { Registration } from "./registration.ts";
import { sinceBootMs } from "../since-boot.ts";
import { WakeUp } from "../wake-up.ts";

/** Where there are no sessions, a runner asks for one about this often: it costs one refused request. */
const retryMsMax = 60_000;
/**
 * Changes within this long make one hello. Only what is held for longer needs to be named: a grant is the session's by
 * itself, and a finish ends it; so short jobs cost no hello at all.
 */
const helloGatherMs = 1_000;

export interface SessionLoopOptions {
	url: string;
	registration: Registration;
	held: HeldJobs;
	/** Jobs at once. */
	capacity: number;
	/** New with each process: the newest instance of a runner wins. */
	instanceId: string;
	policy: RepeatPolicy;
	eventLog: EventLog;
	/** Opened while there is no session, shut while there is one. */
	polling: Gate;
	/** Nothing new is wanted from here on; what is held goes on. */
	draining: AbortSignal;
	/** All is over. */
	signal: AbortSignal;
	onGrant: (grant: Grant) => void;
	/** Whether the server asks this runner to drain. A new session begins without that wish. */
	onDraining: (draining: boolean) => void;
	health: Health;
}

/** Another process speaks as this runner: the server has let go of all that this one holds. */
export class RunnerReplaced extends Error {
	override readonly name = "RunnerReplaced";
}

/**
 * Returns when all is over, or when the server has forgotten this runner: with its one job, as it should, or else the polls
 * hear why. Throws `RunnerReplaced`, or when the server does not understand what is said.
 */
export async function sessionLoop(options: SessionLoopOptions): Promise<void> {
	const { policy, eventLog, polling, signal } = options;
	let failed = 0;
	while (!signal.aborted) {
		try {
			const known = await options.registration.current();
			const end = await holdSession(options, known);
			if (signal.aborted) return;
			failed = 0;
			options.onDraining(false);
			eventLog("session-lost", { code: end.code, reason: end.reason });
			judgeEnd(end);
			// The next call says what is left: another registration, or the end.
			if (end.code === forgottenCloseCode || end.code === tokenEndedCloseCode) return polling.open();
		} catch (failure) {
			if (signal.aborted) return;
			polling.open();
			if (!isRetryable(failure, true)) throw failure;
			// Said once for all failures in a row: with an old server they go on for ever.
			if (failed === 0) eventLog("session-refused", { reason: failure.message });
			failed++;
		}
		await sleep(jitteredMs(Math.max(failed, 1), { ...policy, maxMs: retryMsMax }), signal).catch(() => {});
	}
}

function judgeEnd({ code, reason }: SocketEnd): void {
	if (code === replacedCloseCode) {
		throw new RunnerReplaced(`another process runs as this runner (${reason}): it has taken over, and this one ends`);
	}
	if (code === malformedFrameCloseCode) throw new Error(`the server does not understand this runner: ${reason}`);
}

async function holdSession(options: SessionLoopOptions, known: RegisteredRunner): Promise<SocketEnd> {
	const { url, held, draining, signal, polling, eventLog, health } = options;
	const opening = RunnerSession.open({
		url,
		token: known.token,
		pingMs: known.heartbeatSeconds * 1_000,
		onFrame: (frame) => act(options, frame),
		now: sinceBootMs,
		onContact: (sentAt) => {
			for (const job of held.all()) job.touch(sentAt);
		},
	});
	// A server that lets nothing begin keeps no runner that has nothing more to do.
	const drop = () => void opening.then((late) => late.close()).catch(() => {});
	signal.addEventListener("abort", drop, { once: true });
	const session = await untilAborted(opening, signal).finally(() => signal.removeEventListener("abort", drop));
	eventLog("session-open", { leases: held.leases().length });
	polling.shut();
	options.onDraining(false);
	const hellos = new Hellos(options, session);
	const leave = () => session.close();
	signal.addEventListener("abort", leave, { once: true });
	draining.addEventListener("abort", hellos.bye, { once: true });
	if (signal.aborted) leave();
	const stopWatching = [held.onChange(() => hellos.later()), health.onChange(() => hellos.now())];
	try {
		return await session.closed;
	} finally {
		for (const stop of stopWatching) stop();
		hellos.close();
		signal.removeEventListener("abort", leave);
		draining.removeEventListener("abort", hellos.bye);
	}
}

function act({ held, onGrant, onDraining }: SessionLoopOptions, frame: ServerFrame): void {
	switch (frame.type) {
		case "grant":
			onGrant(frame.grant);
			break;
		case "cancel":
			held.get(frame.lease)?.cancel(frame.graceSeconds * 1_000, "canceled");
			break;
		case "lost":
			held.get(frame.lease)?.lose();
			break;
		case "drain":
			onDraining(true);
			break;
	}
}

/** What the runner says of itself in one session. */
class Hellos {
	readonly #options: SessionLoopOptions;
	readonly #session: RunnerSession;
	readonly #changed = new WakeUp();
	#said = "";
	readonly #closed = new AbortController();

	constructor(options: SessionLoopOptions, session: RunnerSession) {
		this.#options = options;
		this.#session = session;
		this.#hello();
		if (options.draining.aborted) this.bye();
		void this.#loop();
	}

	later(): void {
		this.#changed.wake();
	}

	/** Whether it is well cannot wait: what is granted meanwhile would fail. */
	now(): void {
		if (!this.#options.draining.aborted) this.#hello();
	}

	readonly bye = (): void => {
		this.#session.say({ type: "bye" });
	};

	close(): void {
		this.#closed.abort();
		this.#changed.wake();
	}

	async #loop(): Promise<void> {
		const { signal } = this.#closed;
		while (!signal.aborted) {
			await this.#changed.wait(null);
			await sleep(helloGatherMs, signal).catch(() => {});
			// A hello after the bye would ask for work again.
			if (!(signal.aborted || this.#options.draining.aborted)) this.#hello();
		}
	}

	#hello(): void {
		const { held, instanceId, draining, health } = this.#options;
		const leases = held.leases();
		// No free slot while it drains: a bye that follows could come after the next grant.
		const capacity = draining.aborted ? Math.max(1, leases.length) : this.#options.capacity;
		// Left out where nothing is wrong: an older server refuses what it does not know.
		const unwell = health.unwell === null ? {} : { unwell: health.unwell };
		const said = JSON.stringify([leases, unwell]);
		if (said === this.#said) return;
		this.#said = said;
		this.#session.say({ type: "hello", instanceId, capacity, leases, ...unwell });
	}
}
