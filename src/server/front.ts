// What stands before the Worker on one machine, as a module's text: it lets nobody in before the database is up, and knows what is
// under way, so that a stop can wait for the answers. `main.js` beside it is the built Worker.
import { answerHeaders } from "../contracts/wire/headers/answer-headers.ts";

/** Asked of the default entry, which only this machine's own process reaches by this path: no new calls, and how many are left. */
export const stopAddress = "http://machine/stop";

const headersOfAll = JSON.stringify(answerHeaders);

export const front = `
import main from "./main.js";
export * from "./main.js";
let isOpen = false;
let isStopping = false;
let underWay = 0;
// A poll may wait for half a minute: it ends with the stop, and has no grant.
const polls = new Set();

// As the Worker names its answers: by the caller's word if it is a plain one.
function idOf(request) {
	const given = request.headers.get("x-request-id");
	return given !== null && /^[\\x21-\\x7e]{1,100}$/.test(given) ? given : crypto.randomUUID();
}

// What an answer of the Worker's has beside its own: whatever is answered here has it too.
function headersWith(requestId, more) {
	return { ...${headersOfAll}, "x-request-id": requestId, ...more };
}

function refuse(request) {
	const detail = "The server is stopping. Nothing of this was done; it is taken again once a server is up.";
	const requestId = idOf(request);
	const problem = { type: "urn:spillway:problem:unavailable", title: "unavailable", status: 503, code: "unavailable" };
	return new Response(JSON.stringify({ ...problem, detail, requestId }), {
		status: 503,
		headers: headersWith(requestId, {
			"content-type": "application/problem+json",
			"retry-after": "2",
			connection: "close",
		}),
	});
}

function nothing(request, status) {
	return new Response(null, { status, headers: headersWith(idOf(request)) });
}

function answer(request, env, ctx) {
	// Cloudflare's word, which is nobody's here.
	if (!request.headers.has("CF-Connecting-IP")) return main.fetch(request, env, ctx);
	const headers = new Headers(request.headers);
	headers.delete("CF-Connecting-IP");
	return main.fetch(new Request(request, { headers }), env, ctx);
}

async function answerPoll(request, env, ctx) {
	const { promise, resolve } = Promise.withResolvers();
	polls.add(resolve);
	try {
		return await Promise.race([answer(request, env, ctx), promise.then(() => nothing(request, 204))]);
	} finally {
		polls.delete(resolve);
	}
}

export const front = {
	async fetch(request, env, ctx) {
		if (!isOpen) isOpen = (await env.MACHINE.fetch("http://machine/door")).ok;
		if (isStopping) return refuse(request);
		underWay++;
		try {
			// By its text: a Host that names no host makes no URL.
			const isPoll = request.url.endsWith("/v1/runner/acquire");
			return await (isPoll ? answerPoll : answer)(request, env, ctx);
		} finally {
			underWay--;
		}
	},
	// The runtime has answered with 200 before it asks here; without a handler it answers with 500 and logs a fault.
	connect: (socket) => socket.close(),
};

export default {
	...main,
	fetch(request) {
		if (request.url !== "${stopAddress}") return nothing(request, 404);
		isStopping = true;
		for (const end of polls) end();
		return Response.json({ underWay });
	},
};
`;
