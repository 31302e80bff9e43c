// Streams as the tests of their ends open them: sockets with how they closed, and a job that runs, to be watched.
import { env } from "cloudflare:workers";
import { parseJobId } from "../../src/domain/ids.ts";
import { aRepo, fetchRaw, job, running, submit } from "./api-fixture.ts";
import type { Call } from "./api-fixture.ts";

export interface Open {
	closed: Promise<string>;
	/** Not yet, as far as is known here. */
	isOpen(): boolean;
	heard: string[];
	send(text: string): void;
}

export const upgrade = { upgrade: "websocket" };

/** `by`: a token, or what a call by cookie brings. */
export async function open(path: string, by: string | Call): Promise<Open> {
	const { headers = {}, ...call } = typeof by === "string" ? { token: by } : by;
	const { webSocket, status } = await fetchRaw("GET", path, { ...call, headers: { ...headers, ...upgrade } });
	if (!webSocket) throw new Error(`no socket: ${status}`);
	let isOpen = true;
	const closed = new Promise<string>((resolve) =>
		webSocket.addEventListener("close", ({ code, reason }) => {
			isOpen = false;
			resolve(`${code} ${reason}`);
		}),
	);
	const heard: string[] = [];
	webSocket.addEventListener("message", ({ data }) => void heard.push(String(data)));
	webSocket.accept();
	return { closed, isOpen: () => isOpen, heard, send: (text) => webSocket.send(text) };
}

export async function textOf({ body }: Response): Promise<string> {
	let text = "";
	for await (const chunk of body ?? []) text += new TextDecoder().decode(chunk);
	return text;
}

/** A job that runs, and what is to be watched of it. */
export async function watched() {
	const place = await aRepo();
	await submit(place, [job("a")]);
	const grant = await running(place);
	const [jobPath, run] = [`${place.path}/jobs/${grant.job.id}`, parseJobId(grant.job.id)?.run ?? ""];
	const objects = {
		log: env.LOG.get(env.LOG.idFromName(`${place.owner}/${place.repo}/${grant.job.id}/1`)),
		feed: env.FEED.get(env.FEED.idFromName(`${place.owner}/${place.repo}/${run}`)),
	};
	const paths = {
		log: `${jobPath}/attempts/1/log/live`,
		feed: `${place.path}/runs/${run}/events`,
		job: `${jobPath}/log/live`,
	};
	return { place, grant, objects, paths };
}
