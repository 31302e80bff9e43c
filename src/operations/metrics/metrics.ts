// What this process counts and measures, for `GET /metrics`: whoever has a figure registers it once, with its name, its help and
// every value that its labels may have. So no label grows with what callers send, and no name of anybody's is in a metric.
import { assert } from "../../domain/refusal.ts";

/** Each label with all values that it may have. */
export type LabelValues = Readonly<Record<string, readonly string[]>>;
export type Labels<L extends LabelValues> = { readonly [Name in keyof L]: L[Name][number] };

export interface MetricSpec<L extends LabelValues> {
	/** Lower case with `_`; ends with its unit in full where it has one (`_seconds`, `_bytes`), and never with `_total`. */
	name: string;
	help: string;
	labels: L;
}

export interface Sample<L extends LabelValues> {
	labels: Labels<L>;
	value: number;
}

/** A metric as it is shown: a door writes it in its own form. */
export interface ShownMetric {
	name: string;
	help: string;
	kind: "counter" | "gauge";
	samples: { labels: Readonly<Record<string, string>>; value: number }[];
}

type Read = () => ShownMetric["samples"] | Promise<ShownMetric["samples"]>;

/** Samples of one metric: what must be told apart further is no label. */
const samplesMax = 100;
const namePattern = /^[a-z][a-z0-9_]*$/;

export class Metrics {
	readonly #metrics = new Map<string, Omit<ShownMetric, "samples"> & { read: Read }>();

	/** Counts from 0, under each combination of its labels, until the process ends. Returns what adds to it. */
	counter<const L extends LabelValues>(spec: MetricSpec<L>): (labels: Labels<L>, by?: number) => void {
		const combinations = combinationsOf(spec.labels);
		const counts = new Map(combinations.map((labels) => [keyOf(spec.labels, labels), 0]));
		this.#register("counter", spec, () =>
			combinations.map((labels) => ({ labels, value: counts.get(keyOf(spec.labels, labels)) ?? 0 })),
		);
		return (labels, by = 1) => {
			const key = keyOf(spec.labels, labels);
			const count = counts.get(key);
			assert(count !== undefined && by >= 0, `${spec.name} counts up, under the labels that it names`);
			counts.set(key, count + by);
		};
	}

	/** Read when somebody asks. What `read` does not know it leaves out; where it throws or takes too long, the gauge is not shown. */
	gauge<const L extends LabelValues>(
		spec: MetricSpec<L>,
		read: () => readonly Sample<L>[] | Promise<readonly Sample<L>[]>,
	): void {
		this.#register("gauge", spec, async () => {
			const samples = await read();
			const isKnown = ({ labels }: Sample<L>) =>
				Object.entries(spec.labels).every(([name, of]) => of.includes(labels[name] ?? ""));
			assert(samples.length <= samplesMax && samples.every(isKnown), `${spec.name} has the labels that it names`);
			return [...samples];
		});
	}

	/** All of them, by name. `late` ends the waiting for those that are read from somewhere. */
	async read(late: Promise<unknown>): Promise<ShownMetric[]> {
		const none = late.then(() => null);
		const shown = [...this.#metrics.values()].map(async ({ read, ...metric }) => {
			const samples = await Promise.race([Promise.resolve().then(read), none]).catch(() => null);
			return samples === null ? [] : [{ ...metric, samples }];
		});
		return (await Promise.all(shown)).flat().sort((a, b) => (a.name < b.name ? -1 : 1));
	}

	#register<L extends LabelValues>(kind: ShownMetric["kind"], { name, help }: MetricSpec<L>, read: Read): void {
		assert(namePattern.test(name) && !name.endsWith("_total"), `${name} is a metric's name`);
		assert(!this.#metrics.has(name), `${name} is registered once`);
		this.#metrics.set(name, { name, help, kind, read });
	}
}

function combinationsOf<L extends LabelValues>(values: L): Labels<L>[] {
	let found: Record<string, string>[] = [{}];
	for (const [name, of] of Object.entries(values)) {
		found = found.flatMap((labels) => of.map((value) => ({ ...labels, [name]: value })));
	}
	assert(found.length <= samplesMax, "the labels of a metric have few combinations");
	return found as Labels<L>[];
}

function keyOf<L extends LabelValues>(values: L, labels: Labels<L>): string {
	return Object.keys(values)
		.map((name) => labels[name])
		.join(" ");
}
