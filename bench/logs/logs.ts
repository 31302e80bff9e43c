// Live logs against a bare broadcaster on `ws` in the same run: how soon a line reaches many viewers, how many are delivered,
// how fast one job may print into the archive, many at once, and how soon a part of a large sealed log is there.
import { setTimeout as sleep } from "node:timers/promises";
import type { Bench } from "../bench.ts";
import { settle } from "../bench.ts";
import type { Figure } from "../figure.ts";
import { BenchUpload } from "./logs-upload.ts";
import { LogJobs } from "./logs-jobs.ts";
import { BareBroadcaster, LogAudience } from "./logs-audience.ts";
import { line, lineBytes } from "./logs-line.ts";
import { median, percentile } from "../percentile.ts";

const megabyte = 1024 * 1024;

export async function measureLogs(bench: Bench): Promise<Figure[]> {
	const jobs = await LogJobs.begin(bench);
	try {
		return [
			...(await measurePaced(bench, jobs, { viewers: 100, perSecond: 20, p99MsMax: 50 })),
			...(await measurePaced(bench, jobs, { viewers: 1_000, perSecond: 4, p99MsMax: 250 })),
			...(await measureDelivery(bench, jobs)),
			...(await measureMany(bench, jobs)),
			...(await measureSustained(bench, jobs)),
		];
	} finally {
		jobs.close();
	}
}

interface Pace {
	viewers: number;
	perSecond: number;
	p99MsMax: number;
}

async function measurePaced(bench: Bench, jobs: LogJobs, pace: Pace): Promise<Figure[]> {
	const { viewers, perSecond, p99MsMax } = pace;
	const lines = perSecond * (bench.isQuick ? 4 : 15);
	const everyMs = 1_000 / perSecond;
	const bare = await BareBroadcaster.start();
	const bareHeard = await hear(await bare.audience(viewers), lines, async () => {
		await paced(lines, everyMs, (text) => bare.publish(text));
	});
	await bare.stop();
	const job = await jobs.start();
	const upload = await BenchUpload.open(bench, job);
	const before = bench.server.usage()?.cpuMs ?? 0;
	const audience = await LogAudience.watch(viewers, jobs.liveUrl(job), jobs.token);
	const heard = await hear(audience, lines, () => paced(lines, everyMs, (text) => upload.print(text)));
	await upload.end();
	const cpuMs = (bench.server.usage()?.cpuMs ?? 0) - before;
	await jobs.finish(job, upload.length);
	const name = `a line to ${viewers.toLocaleString("en-GB")} viewers at ${perSecond}/s`;
	const delivered = lines * viewers;
	return [
		figure(`${name}, p50`, heard.p50Ms, "ms", { note: `bare broadcaster ${bareHeard.p50Ms.toFixed(1)} ms` }),
		figure(`${name}, p99`, heard.p99Ms, "ms", {
			aim: { text: `≤ ${p99MsMax}`, isMet: heard.p99Ms <= p99MsMax },
			cpuMicros: (cpuMs / delivered) * 1_000,
			note: `bare broadcaster ${bareHeard.p99Ms.toFixed(1)} ms; all ${delivered.toLocaleString("en-GB")} lines came`,
		}),
	];
}

/** As fast as the one who prints is let: the same lines to the same viewers, by both in turn, since others use the machine too. */
async function measureDelivery(bench: Bench, jobs: LogJobs): Promise<Figure[]> {
	const viewers = 100;
	const lines = bench.isQuick ? 1_000 : 4_000;
	const rounds: { perSecond: number; bare: number }[] = [];
	for (let round = 0; round < (bench.isQuick ? 1 : 5); round++) {
		const bare = await BareBroadcaster.start();
		const bareHeard = await hear(await bare.audience(viewers), lines, async () => {
			for (let at = 0; at < lines; at++) await bare.publish(line());
		});
		await bare.stop();
		const job = await jobs.start();
		const upload = await BenchUpload.open(bench, job);
		const audience = await LogAudience.watch(viewers, jobs.liveUrl(job), jobs.token);
		const heard = await hear(audience, lines, async () => {
			for (let at = 0; at < lines; at++) await upload.print(line());
		});
		await upload.end();
		await jobs.finish(job, upload.length);
		const delivered = lines * viewers * 1_000;
		rounds.push({ perSecond: delivered / heard.elapsedMs, bare: delivered / bareHeard.elapsedMs });
	}
	const ratio = median(rounds.map(({ perSecond, bare }) => perSecond / bare));
	const bare = median(rounds.map((round) => round.bare));
	return [
		figure(`lines delivered to ${viewers} viewers`, median(rounds.map(({ perSecond }) => perSecond)), "lines/s", {
			aim: { text: "≥ 0.5 of bare", isMet: ratio >= 0.5 },
			note: `${ratio.toFixed(2)} of the bare broadcaster's ${Math.round(bare).toLocaleString("en-GB")}`,
		}),
	];
}

async function measureMany(bench: Bench, jobs: LogJobs): Promise<Figure[]> {
	const count = bench.isQuick ? 50 : 200;
	const lines = bench.isQuick ? 20 : 50;
	const started = await jobs.startMany(count);
	const texts = started.map(() => Array.from({ length: lines }, () => line()));
	const startedAt = performance.now();
	const acknowledgedMs: number[] = [];
	await Promise.all(
		started.map(async (job, at) => {
			const upload = await BenchUpload.open(bench, job);
			for (const text of texts[at] ?? []) {
				const sentAt = performance.now();
				await upload.print(text);
				await upload.drained();
				acknowledgedMs.push(performance.now() - sentAt);
				await sleep(20);
			}
			await upload.end();
			await jobs.finish(job, upload.length);
		}),
	);
	const elapsedMs = performance.now() - startedAt;
	let lost = 0;
	for (const [at, job] of started.entries()) if ((await jobs.log(job)) !== texts[at]?.join("")) lost++;
	acknowledgedMs.sort((a, b) => a - b);
	return [
		figure(`${count} jobs logging at once, lines stored`, (count * lines) / (elapsedMs / 1_000), "lines/s", {
			note: `stored for good: p50 ${percentile(acknowledgedMs, 0.5).toFixed(1)} ms, p99 ${percentile(acknowledgedMs, 0.99).toFixed(1)} ms after each line was sent`,
		}),
		figure(`${count} jobs logging at once, logs that are not whole`, lost, "logs", {
			aim: { text: "0", isMet: lost === 0 },
		}),
	];
}

async function measureSustained(bench: Bench, jobs: LogJobs): Promise<Figure[]> {
	const bytes = (bench.isQuick ? 30 : 100) * megabyte;
	const job = await jobs.start();
	await settle(bench.server);
	const before = bench.server.usage();
	const memory = watchMemory(bench);
	const upload = await BenchUpload.open(bench, job);
	const frame = Array.from({ length: (256 * 1024) / lineBytes }, () => line()).join("");
	const startedAt = performance.now();
	while (upload.length < bytes) await upload.print(frame);
	await upload.end();
	await jobs.finish(job, upload.length);
	await jobs.sealed(job);
	const perSecond = upload.length / megabyte / ((performance.now() - startedAt) / 1_000);
	const grownMb = memory() / 1e6;
	const cpuMicros = ((bench.server.usage()?.cpuMs ?? 0) - (before?.cpuMs ?? 0)) * 1_000;
	const rows = upload.frames + Math.floor(upload.length / (256 * 1024));
	return [
		figure("one job printing into the archive", perSecond, "MiB/s", {
			aim: { text: "≥ 10", isMet: perSecond >= 10 },
			cpuMicros: cpuMicros / (upload.length / megabyte),
			note: `${(upload.length / megabyte).toFixed(0)} MiB, sealed included; server CPU for one MiB`,
		}),
		figure("server memory grown by it", grownMb, "MB", { aim: { text: "< 64", isMet: grownMb < 64 } }),
		figure("rows written", rows / (upload.length / megabyte), "rows/MiB", {
			note: "one for each append and each full block of 256 KiB; and one R2 put for the log (counted in workers/repo/job-bill.test.ts)",
		}),
		...(await measureParts(bench, jobs, job, upload.length)),
	];
}

/** 64 KiB at places nobody asked for before. */
async function measureParts(bench: Bench, jobs: LogJobs, job: { job: string }, length: number): Promise<Figure[]> {
	const rounds = bench.isQuick ? 15 : 40;
	const firstMs: number[] = [];
	for (let round = 0; round < rounds; round++) {
		const from = Math.floor((length - 65_536) * ((round * 0.618_034) % 1));
		firstMs.push(await jobs.firstByteMs(job, from, from + 65_535));
	}
	firstMs.sort((a, b) => a - b);
	const p50 = median(firstMs);
	return [
		figure("64 KiB of a sealed log, first byte, p50", p50, "ms", {
			aim: { text: "≤ 50", isMet: p50 <= 50 },
			note: `p99 ${percentile(firstMs, 0.99).toFixed(1)} ms; at most two reads of the archive, of two blocks`,
		}),
	];
}

async function hear(audience: LogAudience, lines: number, print: () => Promise<void>) {
	const heard = audience.hear(lines);
	await print();
	return heard;
}

async function paced(lines: number, everyMs: number, send: (text: string) => Promise<void>): Promise<void> {
	const startedAt = performance.now();
	for (let at = 0; at < lines; at++) {
		await sleep(Math.max(0, startedAt + at * everyMs - performance.now()));
		await send(line());
	}
}

/** Ends the watch and gives what was resident at most above the beginning, in bytes. */
function watchMemory({ server }: Bench): () => number {
	const resident = () => Object.values(server.usage()?.rssBytes ?? {}).reduce((sum, bytes) => sum + bytes, 0);
	const before = resident();
	let most = before;
	const look = setInterval(() => {
		most = Math.max(most, resident());
	}, 100);
	return () => {
		clearInterval(look);
		return most - before;
	};
}

function figure(
	name: string,
	value: number,
	unit: string,
	{ aim = null, note = "", cpuMicros = null }: { aim?: Figure["aim"]; note?: string; cpuMicros?: number | null },
): Figure {
	return { name, value, unit, ratio: null, serverCpuMicros: cpuMicros, aim, note };
}
