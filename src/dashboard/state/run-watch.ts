// One run as it is now: its first state, then each change, by one WebSocket that comes back by itself. Changes wait for the next
// frame, so that two thousand of them a second are drawn as often as the screen is.
import { batch, signal } from "@preact/signals";
import type { Signal } from "@preact/signals";
import type { RunEvent, WatchedRun } from "../../contracts/http/streams/run-events.ts";
import type { Job } from "../../contracts/http/run.ts";
import { noteLostConnection } from "./session.ts";
import { doneCloseCode } from "../../contracts/wire/sockets/close-code.ts";

const againMs = 1_000;
const againMaxMs = 15_000;
/** Changes of a tab that nobody sees: the title and the icon follow at leisure. */
const hiddenFrameMs = 1_000;

export interface WatchedView {
	/** Null until the first snapshot. */
	run: Signal<WatchedRun | null>;
	/** By id, in the order of the run. */
	jobs: Signal<ReadonlyMap<string, Signal<Job>>>;
	/** Null: all is well. Else what a person should know, such as that the connection was lost. */
	trouble: Signal<string | null>;
	close: () => void;
}

export function followRun(path: string): WatchedView {
	const run = signal<WatchedRun | null>(null);
	const jobs = signal<ReadonlyMap<string, Signal<Job>>>(new Map());
	const trouble = signal<string | null>(null);
	let waiting: RunEvent[] = [];
	let isScheduled = false;
	let isClosed = false;
	let seq: number | null = null;
	let tries = 0;
	let socket: WebSocket | null = null;
	let timer: ReturnType<typeof setTimeout> | undefined;

	function draw(): void {
		isScheduled = false;
		const events = waiting;
		waiting = [];
		batch(() => {
			for (const event of events) take(event);
		});
	}

	function take(event: RunEvent): void {
		if (event.type === "snapshot") {
			const { jobs: all, ...rest } = event.run;
			run.value = rest;
			jobs.value = new Map(all.map((job) => [job.id, signalOf(job)]));
			return;
		}
		if (event.type === "run") run.value = event.run;
		else if (!jobs.value.has(event.job.id)) jobs.value = new Map(jobs.value).set(event.job.id, signal(event.job));
		else signalOf(event.job);
	}

	/** The job's own, which those who look at it already have. */
	function signalOf(job: Job): Signal<Job> {
		const known = jobs.value.get(job.id);
		if (known === undefined) return signal(job);
		known.value = job;
		return known;
	}

	function hear(event: RunEvent): void {
		seq = event.seq;
		waiting.push(event);
		if (isScheduled) return;
		isScheduled = true;
		if (document.hidden) setTimeout(draw, hiddenFrameMs);
		else requestAnimationFrame(draw);
	}

	function open(): void {
		const after = seq === null ? "" : `?after=${seq}`;
		const own = new WebSocket(`${location.origin.replace(/^http/, "ws")}${path}/events${after}`);
		socket = own;
		own.onopen = () => {
			trouble.value = null;
		};
		own.onmessage = ({ data }) => {
			tries = 0;
			if (data !== "pong") hear(JSON.parse(String(data)) as RunEvent);
		};
		own.onclose = ({ code }) => {
			if (isClosed || socket !== own || code === doneCloseCode) return;
			// What was kept may not reach back so far: then the state comes whole.
			if (tries > 0) seq = null;
			trouble.value = "The connection was lost. What you see may be out of date; it comes back by itself.";
			void noteLostConnection();
			timer = setTimeout(open, Math.min(againMaxMs, againMs * 2 ** tries++) * (0.5 + Math.random() / 2));
		};
	}

	open();
	return {
		...{ run, jobs, trouble },
		close: () => {
			isClosed = true;
			clearTimeout(timer);
			socket?.close();
		},
	};
}
