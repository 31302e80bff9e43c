// The headers of answers that mean something to whoever calls, and which answers may have them. What every answer of HTTP has, and
// what is said to browsers, is not among them.
import { absentHeader } from "../../../contracts/wire/headers/absent.ts";
import {
	leaseStateHeader,
	uploadIntervalHeader,
	uploadOffsetHeader,
} from "../../../contracts/wire/headers/lease-headers.ts";
import { replayedHeader } from "../../../contracts/wire/headers/replayed.ts";
import { staleHeader } from "../../../contracts/wire/headers/stale.ts";
import { logOffsetHeader } from "../../../contracts/wire/log-output.ts";

interface Place {
	method: string;
	path: string;
	operation: {
		operationId: string;
		parameters?: { name: string; in: string }[];
		responses: Record<string, { content?: object }>;
	};
	status: string;
}

interface Header {
	words: string;
	schema?: object;
	isOn(place: Place): boolean;
}

const isProblem = ({ status, operation }: Place) => "application/problem+json" in contentOf(operation, status);
const isJson = ({ status, operation }: Place) => "application/json" in contentOf(operation, status);
const isLog = ({ operation: { operationId: id } }: Place) => id === "getLog" || id === "getLogInRun";
const count = { type: "integer", format: "int64", minimum: 0, maximum: Number.MAX_SAFE_INTEGER };

/** Each may be absent but `X-Request-Id`. */
const headers: Readonly<Record<string, Header>> = {
	"X-Request-Id": { words: "The caller's own, if it was one plain word, else one of ours.", isOn: () => true },
	"Retry-After": {
		words: "Seconds until it is worth trying again; always with 429 and 503.",
		schema: { type: "integer", format: "int32", minimum: 1, maximum: 86_400 },
		isOn: (place) => isProblem(place) || place.status === "503",
	},
	"WWW-Authenticate": { words: "With 401: that a token is wanted.", isOn: isProblem },
	Allow: { words: "With 405: the methods that the path has.", isOn: isProblem },
	[staleHeader]: {
		words: "Since when the answer may not be true any more; absent: it is the present truth.",
		schema: { type: "string", format: "date-time" },
		isOn: (place) => isJson(place) && /^\/v1\/(repos|pools|tokens|audit|owners|dead-letters)/.test(place.path),
	},
	[replayedHeader]: {
		words: "`true`: a call with this key was here before, and this one did nothing.",
		schema: { type: "string", enum: ["true"] },
		isOn: ({ operation, status }) => status.startsWith("2") && hasParameter(operation, "Idempotency-Key"),
	},
	Location: {
		words: "Where what was made can be read, relative to what was called.",
		schema: { type: "string", format: "uri-reference" },
		isOn: ({ operation: { operationId: id }, status }) =>
			(id === "submitRun" || id === "addJobs") && status.startsWith("2"),
	},
	[absentHeader]: {
		words: "`true`: there was nothing of that name.",
		schema: { type: "string", enum: ["true"] },
		isOn: ({ method, status }) => method === "delete" && status === "204",
	},
	[leaseStateHeader]: {
		words: "How the lease stands: go on (`ok`), stop the job (`canceling`), or give it up (`lost`).",
		schema: { type: "string", enum: ["ok", "canceling", "lost"] },
		isOn: ({ path }) => path.startsWith("/v1/lease/"),
	},
	[uploadOffsetHeader]: {
		words: "How many bytes the log has.",
		schema: count,
		isOn: (place) => place.operation.operationId === "appendLog",
	},
	[uploadIntervalHeader]: {
		words: "Seconds until the next upload is wanted.",
		schema: { type: "number", minimum: 0 },
		isOn: ({ operation: { operationId: id }, status }) => id === "appendLog" && status === "204",
	},
	[logOffsetHeader]: {
		words: "With `tail`, `timestamps` or `format`: the offset of the first byte of what is shown.",
		schema: count,
		isOn: (place) => isLog(place) && place.status === "200",
	},
	ETag: {
		words: "Names these bytes; of a log, once it is sealed.",
		isOn: (place) => /^(200|206|304)$/.test(place.status) && (isLog(place) || place.path === "/openapi.json"),
	},
	"Content-Range": {
		words: "Which bytes these are, of how many; with 416 how many there are.",
		isOn: (place) => isLog(place) && /^(206|416)$/.test(place.status),
	},
	"Accept-Ranges": {
		words: "`bytes`: a `Range` may be asked for.",
		isOn: (place) => isLog(place) && /^20[06]$/.test(place.status),
	},
	"Content-Disposition": {
		words: "With `download`: the name of the file.",
		isOn: (place) => isLog(place) && /^20[06]$/.test(place.status),
	},
};

/** Each by its name, as OpenAPI keeps them. */
export function headerComponents(): object {
	return Object.fromEntries(
		Object.entries(headers).map(([name, { words, schema = { type: "string" } }]) => [
			name,
			{ description: words, ...(name === "X-Request-Id" ? { required: true } : {}), schema },
		]),
	);
}

/** Those that an answer may have. */
export function headersOf(place: Place): object {
	const names = Object.keys(headers).filter((name) => headers[name]?.isOn(place));
	return Object.fromEntries(names.map((name) => [name, { $ref: `#/components/headers/${name}` }]));
}

function contentOf({ responses }: Place["operation"], status: string): object {
	return responses[status]?.content ?? {};
}

function hasParameter({ parameters = [] }: Place["operation"], name: string): boolean {
	return parameters.some((parameter) => parameter.name === name);
}
