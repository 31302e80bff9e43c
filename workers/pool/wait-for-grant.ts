// The Worker's end of a long poll: a socket to the pool, over which at most one grant comes. The waiting costs the pool nothing,
// since its end hibernates. A runner that hangs up is not noticed by workerd before it answers, and `request.signal` stays
// silent (seen with 1.20261023.1, which reads no more of a connection while it works on a request); so a grant may be sent to
// nobody. It lapses after 12 s, and the runner stands last [P8]. A session has no such gap: the runtime tells the pool that its socket closed.
import type { RunnerIdentity } from "../../src/contracts/objects/objects.ts";
import type { Grant } from "../../src/contracts/http/runner.ts";
import { doneCloseCode } from "../../src/contracts/wire/sockets/close-code.ts";
import type { Env } from "../env.ts";
import { connectRequest, readNoRunnerSocket } from "../../src/contracts/wire/sockets/runner-socket.ts";
import { Outage } from "../../src/contracts/wire/outage.ts";
import { poolCalls } from "../bindings/stubs.ts";

export async function waitForGrant(
	env: Env,
	poll: { runner: RunnerIdentity; named: string[] | null },
	waitMs: number,
): Promise<Grant | null> {
	const answer = await poolCalls(env, poll.runner).fetch(connectRequest({ kind: "poll", ...poll }));
	// The pool forgot the runner since its call a moment ago: the runner's next call is refused.
	if ((await readNoRunnerSocket(answer)) !== null) return null;
	const { webSocket: socket } = answer;
	if (!socket) throw new Outage("the pool took no poll");
	const { promise, resolve } = Promise.withResolvers<Grant | null>();
	socket.addEventListener("message", ({ data }) => resolve(JSON.parse(data as string)));
	socket.addEventListener("close", () => resolve(null));
	socket.addEventListener("error", () => resolve(null));
	socket.accept();
	const timer = setTimeout(() => resolve(null), waitMs);
	try {
		return await promise;
	} finally {
		clearTimeout(timer);
		socket.close(doneCloseCode, "done");
	}
}
