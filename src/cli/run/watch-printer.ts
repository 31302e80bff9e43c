// What a watched run looks like: every line of a log behind its job's name in a colour of its own; what happened to a job
// between the lines. With --json each event is a line.
import type { LogEvent } from "../../client/log-viewer.ts";
import { jsonLine } from "../../contracts/wire/json/json-line.ts";
import type { Job } from "../../contracts/http/run.ts";
import type { Connection } from "../connection.ts";
import type { Io } from "../io.ts";
import { LogLines } from "../terminal/log-lines.ts";
import { printable } from "../terminal/printable.ts";
import { widthOf } from "../terminal/table.ts";
import { waitingText } from "../waiting-text.ts";
import type { WatchEvent } from "./watch-run.ts";

/** Longer job names are shown whole, and move their lines to the right. */
const nameCharactersMax = 24;

interface Log {
	lines: LogLines;
	attempt: number;
	/** Attempts whose last line is printed. */
	ended: number;
	/** What is to be said after them: the state of a job is known before the end of its log has come. */
	news: { attempt: number; text: string } | null;
}

export class WatchPrinter {
	readonly #connection: Connection;
	readonly #io: Io;
	readonly #tones = new Map<string, number>();
	readonly #logs = new Map<string, Log>();
	#width = 0;

	constructor(connection: Connection, io: Io) {
		this.#connection = connection;
		this.#io = io;
	}

	show(event: WatchEvent): void {
		if (this.#connection.json) this.#showJson(event);
		else this.#showText(event);
	}

	#showText(event: WatchEvent): void {
		const { paint } = this.#connection;
		switch (event.type) {
			case "run":
				for (const { key } of printable(event.run.jobs ?? [])) {
					this.#width = Math.max(this.#width, Math.min(widthOf(key), nameCharactersMax));
				}
				return;
			case "job":
				this.#logOf(event.job).news = newsOf(printable(event.job));
				this.#tellNews(event.job);
				return;
			case "waits":
				this.#line(event.job, paint.faint(waitsText(printable(event.job), event.others)));
				return;
			case "log":
				this.#showLog(event.job, event.event);
				return;
			case "log-lost":
				this.#line(event.job, paint.outcome("failed", `the log cannot be followed: ${printable(event.reason)}`));
		}
	}

	#showLog(job: Job, event: LogEvent): void {
		const { paint } = this.#connection;
		const log = this.#logOf(job);
		if (event.type === "output") {
			log.lines.push(event.bytes);
		} else if (event.type === "attempt") {
			log.attempt = event.number;
			if (event.number > 1) this.#line(job, paint.strong(`attempt ${event.number}`));
		} else {
			log.lines.end();
			const { outcome, state } = printable(event);
			this.#line(job, paint.outcome(outcome, `attempt ${log.attempt} ${outcome ?? "ended"}`));
			if (state !== "sealed") this.#line(job, paint.outcome("failed", `the log is ${state}`));
			log.ended = log.attempt;
			this.#tellNews(job);
		}
	}

	#tellNews(job: Job): void {
		const log = this.#logOf(job);
		if (log.news === null || log.news.attempt > log.ended) return;
		this.#line(job, this.#connection.paint.faint(log.news.text));
		log.news = null;
	}

	#logOf(job: Job): Log {
		let log = this.#logs.get(job.id);
		if (!log) {
			const lines = new LogLines((line) => this.#line(job, line), this.#io.hasColors);
			log = { lines, attempt: 1, ended: 0, news: null };
			this.#logs.set(job.id, log);
		}
		return log;
	}

	/** `text` is fit to be shown. */
	#line({ key: given }: Job, text: string): void {
		const key = printable(given);
		const tone = this.#tones.get(key) ?? this.#tones.size;
		this.#tones.set(key, tone);
		const name = key + " ".repeat(Math.max(0, this.#width - widthOf(key)));
		this.#io.out(`${this.#connection.paint.nth(tone, `${name} │`)} ${text}\n`);
	}

	#showJson(event: WatchEvent): void {
		if (event.type === "run") return;
		if (event.type !== "log") {
			this.#io.out(`${jsonLine(event)}\n`);
			return;
		}
		const log = this.#logOf(event.job);
		if (event.event.type === "attempt") log.attempt = event.event.number;
		const place = { job: event.job.id, key: event.job.key, attempt: log.attempt };
		const told = event.event.type === "output" ? outputFields(event.event) : event.event;
		this.#io.out(`${jsonLine({ ...told, ...place })}\n`);
	}
}

function outputFields({ offset, bytes }: { offset: number; bytes: Uint8Array }) {
	return { type: "output", offset, next: offset + bytes.length, text: new TextDecoder().decode(bytes) };
}

/** What the log itself does not say, and after which attempt; null when there is nothing. */
function newsOf({ state, outcome, reason, waiting, attempts }: Job): Log["news"] {
	const last = attempts.at(-1);
	switch (state) {
		case "waiting":
			if (last === undefined || waiting === null) return null;
			return { attempt: last.number, text: `runs again${exitText(last.exitCode)}: ${waiting.detail}` };
		case "canceling":
			return { attempt: 0, text: "is being canceled" };
		case "finished":
			if (last !== undefined) return null;
			return { attempt: 0, text: `${outcome}${reason === null ? "" : `: ${reason}`}` };
		case "blocked":
		case "leased":
		case "running":
			return null;
	}
}

function waitsText({ waiting }: Job, others: number): string {
	const more = others === 0 ? "" : `; ${others} more ${others === 1 ? "job waits" : "jobs wait"} for the same`;
	return waiting === null ? "waits" : `waits, ${waitingText(waiting, Date.now())}${more}`;
}

function exitText(code: number | null): string {
	return code === null ? "" : ` after exit code ${code}`;
}
