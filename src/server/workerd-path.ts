// Which workerd runs. The one that Miniflare depends on does not tell how much a WebSocket still has to send, so it cannot see
// that a viewer does not read; a newer one does, and is published for Linux only. Elsewhere the older one runs, and slow viewers
// are paced instead of dropped. Goes when Miniflare's own workerd is of 17 November 2026 or later on every platform.
import { createRequire } from "node:module";

const ours = createRequire(import.meta.url);

export function workerdPath(): string {
	try {
		return ours.resolve(`workerd-next-${process.platform}-${process.arch}/bin/workerd`);
	} catch {
		// Not installed: another system, or without optional packages.
	}
	const workerd: { default: string } = createRequire(ours.resolve("miniflare"))("workerd");
	return workerd.default;
}
