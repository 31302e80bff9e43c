// The text of the metrics, sign for sign: prometheus_client's parser of OpenMetrics took just these lines.
import { expect, it } from "vitest";
import { openMetricsOf } from "./open-metrics.ts";

it("[K28] metrics are OpenMetrics: a counter's samples end with `_total`, units are said, texts are escaped, the end is marked", () => {
	const text = openMetricsOf([
		{
			name: "spillway_calls",
			help: 'Calls, "all"\nof them.',
			kind: "counter",
			samples: [{ labels: { to: 'a"\\\n' }, value: 3 }],
		},
		{ name: "spillway_lag_seconds", help: "Lag.", kind: "gauge", samples: [{ labels: {}, value: 0.25 }] },
		{
			name: "spillway_odd",
			help: "Odd.",
			kind: "gauge",
			samples: [NaN, Infinity, -Infinity].map((value, at) => ({ labels: { at: String(at) }, value })),
		},
		{ name: "spillway_unknown", help: "Unknown.", kind: "gauge", samples: [] },
	]);
	expect(text).toBe(`# TYPE spillway_calls counter
# HELP spillway_calls Calls, \\"all\\"\\nof them.
spillway_calls_total{to="a\\"\\\\\\n"} 3
# TYPE spillway_lag_seconds gauge
# UNIT spillway_lag_seconds seconds
# HELP spillway_lag_seconds Lag.
spillway_lag_seconds 0.25
# TYPE spillway_odd gauge
# HELP spillway_odd Odd.
spillway_odd{at="0"} NaN
spillway_odd{at="1"} +Inf
spillway_odd{at="2"} -Inf
# TYPE spillway_unknown gauge
# HELP spillway_unknown Unknown.
# EOF
`);
});
