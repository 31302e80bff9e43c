// Metrics as OpenMetrics text, version 1.0.0: https://prometheus.io/docs/specs/om/open_metrics_spec/
import type { ShownMetric } from "../../operations/metrics/metrics.ts";

export const openMetricsType = "application/openmetrics-text; version=1.0.0; charset=utf-8";

export function openMetricsOf(metrics: readonly ShownMetric[]): string {
	return `${metrics.flatMap(linesOf).join("")}# EOF\n`;
}

function linesOf({ name, help, kind, samples }: ShownMetric): string[] {
	// A counter's family has the bare name and its sample the suffix; a collector takes the text for broken otherwise.
	const sampled = kind === "counter" ? `${name}_total` : name;
	// A unit may only be named where the name ends with it.
	const unit = /_(seconds|bytes)$/.exec(name)?.[1];
	return [
		`# TYPE ${name} ${kind}\n`,
		...(unit === undefined ? [] : [`# UNIT ${name} ${unit}\n`]),
		`# HELP ${name} ${escaped(help)}\n`,
		...samples.map(({ labels, value }) => `${sampled}${labelText(labels)} ${numberText(value)}\n`),
	];
}

function labelText(labels: Readonly<Record<string, string>>): string {
	const pairs = Object.entries(labels).map(([name, value]) => `${name}="${escaped(value)}"`);
	return pairs.length === 0 ? "" : `{${pairs.join(",")}}`;
}

function escaped(text: string): string {
	return text.replaceAll("\\", "\\\\").replaceAll("\n", "\\n").replaceAll('"', '\\"');
}

/** As the specification wants what is no number. */
function numberText(value: number): string {
	if (Number.isNaN(value)) return "NaN";
	if (!Number.isFinite(value)) return value > 0 ? "+Inf" : "-Inf";
	return String(value);
}
