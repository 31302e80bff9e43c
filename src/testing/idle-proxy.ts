// A proxy as nginx and others are by default: it passes bytes on, and cuts a connection on which one direction or both said
// nothing for a time.
import { once } from "node:events";
import { connect, createServer } from "node:net";
import type { AddressInfo, Socket } from "node:net";

export interface IdleProxy {
	url: string;
	/** How many connections it cut for being silent. */
	cut(): number;
	close(): void;
}

export async function idleProxy(target: string, { idleMs }: { idleMs: number }): Promise<IdleProxy> {
	const { hostname, port } = new URL(target);
	const sockets = new Set<Socket>();
	let cut = 0;
	const server = createServer((near) => {
		const far = connect(Number(port), hostname);
		const end = () => {
			near.destroy();
			far.destroy();
		};
		for (const [from, to] of [
			[near, far],
			[far, near],
		] as const) {
			sockets.add(from);
			let timer = setTimeout(silent, idleMs);
			from.on("data", (bytes) => {
				clearTimeout(timer);
				timer = setTimeout(silent, idleMs);
				to.write(bytes);
			});
			from.on("error", end);
			from.on("close", () => {
				clearTimeout(timer);
				sockets.delete(from);
				end();
			});
		}
		function silent() {
			cut++;
			end();
		}
	});
	server.listen(0, "127.0.0.1");
	await once(server, "listening");
	return {
		url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
		cut: () => cut,
		close() {
			for (const socket of sockets) socket.destroy();
			server.close();
		},
	};
}
