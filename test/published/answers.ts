// Whether an answer is one that the document lets a caller expect: status, headers, media type and body.
import { request as httpRequest } from "node:http";
import type { Agent, IncomingMessage } from "node:http";
import { DocumentSchemas } from "../../scripts/checks/published-document.ts";
import type { DocumentedAnswer, DocumentedOperation } from "./operations.ts";
import { nameOf, published } from "./operations.ts";
import type { Request } from "./requests.ts";

export interface Answered {
	status: number;
	headers: Record<string, string>;
	body: Buffer;
}

const schemas = new DocumentSchemas(published);
/** Longer than the server takes for anything but a flood. */
const answerMsMax = 30_000;
/** So long a stream is read: what is there is sent at once, and one that has nothing to say yet says so after 15 s. */
const streamMs = 250;

/** Sends it as it stands: nothing between changes the path or drops a header. Of a stream, only the first message is waited for. */
export function sent(
	{ url, agent }: { url: string; agent: Agent },
	{ method, path, headers, body }: Request,
): Promise<Answered> {
	return new Promise((resolve, reject) => {
		const { hostname, port } = new URL(url);
		const length = body === null ? {} : { "content-length": String(Buffer.byteLength(body)) };
		const call = httpRequest({ hostname, port, method, path, agent, headers: { ...headers, ...length } });
		call.setTimeout(answerMsMax, () => call.destroy(new Error(`no answer to ${method} ${path}`)));
		call.on("error", reject);
		call.on("upgrade", (_, socket) => {
			socket.destroy();
			reject(new Error(`${method} ${path} was upgraded, which nobody asked for`));
		});
		call.on("response", (answer) => {
			received(answer).then(resolve, reject);
		});
		call.end(body ?? undefined);
	});
}

async function received(answer: IncomingMessage): Promise<Answered> {
	const headers = Object.fromEntries(Object.entries(answer.headers).map(([name, value]) => [name, String(value)]));
	const isStream = headers["content-type"]?.startsWith("text/event-stream") ?? false;
	const parts: Buffer[] = [];
	const timer = isStream ? setTimeout(() => answer.destroy(), streamMs) : null;
	try {
		for await (const part of answer as AsyncIterable<Buffer>) {
			parts.push(part);
			if (isStream && Buffer.concat(parts).includes("\n\n")) break;
		}
	} catch (cause) {
		if (!isStream) throw cause;
	} finally {
		if (timer) clearTimeout(timer);
	}
	return { status: answer.statusCode ?? 0, headers, body: Buffer.concat(parts) };
}

/** Empty: the answer is as documented. */
export function answerFaults(operation: DocumentedOperation, answer: Answered): string[] {
	const { status } = answer;
	if (status === 500 || (status > 500 && status !== 503))
		return [`answers ${status}: ${answer.body.toString().slice(0, 300)}`];
	const documented = operation.answers[status] ?? (status >= 400 ? operation.answers.default : undefined);
	if (documented === undefined) return [`answers ${status}, which is not documented`];
	return [
		...headerFaults(documented, answer),
		...bodyFaults(documented, answer),
		...(isProblem(answer) ? problemFaults(answer) : []),
	];
}

function isProblem({ status, headers }: Answered): boolean {
	return status >= 400 && !(status === 503 && headers["content-type"] === "application/json");
}

/** Those of the API's own: what HTTP has of itself, and what is said to browsers, need not stand there. */
const ownHeader =
	/^(x-request-id|retry-after|location|allow|www-authenticate|spillway-|lease-|upload-(?!length)|idempotency-|log-|etag|content-range)/;

function headerFaults({ headers: documented = {} }: DocumentedAnswer, { headers }: Answered): string[] {
	const known = new Map(
		Object.entries(documented).map(([name, { $ref }]) => [
			name.toLowerCase(),
			published.components.headers[nameOf($ref)],
		]),
	);
	const stray = Object.keys(headers).filter((name) => ownHeader.test(name) && !known.has(name));
	const wrong = [...known].flatMap(([name, header]) => {
		const text = headers[name];
		if (text === undefined) return header?.required ? [`lacks ${name}`] : [];
		const isNumber = /^(integer|number)$/.test(String(header?.schema.type));
		const faults = schemas.faultsOf(header?.schema ?? {}, isNumber && /^[0-9.]+$/.test(text) ? Number(text) : text);
		return faults.map((fault) => `has ${name}: ${text}, which ${fault}`);
	});
	return [...stray.map((name) => `has ${name}, which is not documented`), ...wrong];
}

function bodyFaults(
	{ content = {}, "x-message": message }: DocumentedAnswer,
	{ headers, body, status }: Answered,
): string[] {
	const type = headers["content-type"];
	if (Object.keys(content).length === 0)
		return body.length === 0 ? [] : [`has a body with ${status}, and none is documented`];
	const plain = (text: string) => text.split(";")[0]?.trim();
	const media = Object.entries(content).find(([name]) => type !== undefined && plain(name) === plain(type))?.[1];
	if (media === undefined) return [`is ${type}, and documented as ${Object.keys(content).join(", ")}`];
	if (/\bjson$/.test(plain(type ?? "") ?? "")) return schemas.faultsOf(media.schema, JSON.parse(body.toString()));
	if (message === undefined) return [];
	const data = /^data: (.*)$/m.exec(body.toString())?.[1];
	return data === undefined || data === "{}" ? [] : schemas.faultsOf(message, JSON.parse(data));
}

const codes = published.components.schemas.Problem?.properties?.code?.["x-codes"] ?? [];

/** As whoever handles errors relies on it. */
function problemFaults({ status, headers, body }: Answered): string[] {
	const problem = JSON.parse(body.toString()) as { status: number; code: string; requestId: string; errors?: unknown };
	const faults: string[] = [];
	if (problem.status !== status) faults.push(`is ${status}, and its problem says ${problem.status}`);
	if (!codes.includes(problem.code)) faults.push(`has the code ${problem.code}, which is not documented`);
	if (problem.requestId !== headers["x-request-id"]) faults.push("has two request ids");
	if (status === 400 && !Array.isArray(problem.errors)) faults.push("is 400 and names no culprit");
	if ((status === 429 || status === 503) && headers["retry-after"] === undefined)
		faults.push(`is ${status} without Retry-After`);
	return faults;
}
