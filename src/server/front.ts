// What stands before the Worker on one machine, as a module's text: it lets nobody in before the database is up, and knows what is
// under way, so that a stop can wait for the answers. `main.js` beside it is the built Worker.

/** Asked of the default entry, which only this machine's own process reaches by this path: no new calls, and how many are left. */
export const stopAddress = "http://machine/stop";

export const front = `
import main from "./main.js";
export * from "./main.js";
let isOpen = false;
let isStopping = false;
let underWay = 0;
// A poll may wait for half a minute: it ends with the stop, and has no grant.
const polls = new Set();

function refuse() {
	const detail = "The server is stopping. Nothing of this was done; it is taken again once a server is up.";
	const problem = { type: "about:blank", title: "Service Unavailable", status: 503, code: "unavailable", detail };
	return new Response(JSON.stringify({ ...problem, requestId: crypto.randomUUID() }), {
		status: 503,
		headers: { "content-type": "application/problem+json", "retry-after": "2", connection: "close" },
	});
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
		return await Promise.race([answer(request, env, ctx), promise.then(() => new Response(null, { status: 204 }))]);
	} finally {
		polls.delete(resolve);
	}
}

export const front = {
	async fetch(request, env, ctx) {
		if (!isOpen) isOpen = (await env.MACHINE.fetch("http://machine/door")).ok;
		if (isStopping) return refuse();
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
		if (request.url !== "${stopAddress}") return new Response(null, { status: 404 });
		isStopping = true;
		for (const end of polls) end();
		return Response.json({ underWay });
	},
};
`;
