// A port for a server that goes and comes back.
import { createServer } from "node:net";

/**
 * One below those that the system hands out by itself. From among those, somebody's call to the server that is away may get
 * the very port it calls, and then keeps the server from coming back.
 */
export async function freePort(): Promise<number> {
	for (;;) {
		const port = 20_000 + Math.floor(Math.random() * 10_000);
		const server = createServer();
		const isFree = await new Promise<boolean>((resolve) => {
			server.once("error", () => resolve(false));
			server.listen(port, "127.0.0.1", () => resolve(true));
		});
		if (!isFree) continue;
		await new Promise((resolve) => server.close(resolve));
		return port;
	}
}
