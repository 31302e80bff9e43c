// The socket on which the Worker is reached from outside, as a plugin of Miniflare's. Its own sockets read what the runtime knows
// of a connection from a header that any caller may send; on one without that header the runtime itself says who is at the other
// end, as `request.cf.clientIp`, and takes no RPC. Miniflare loads this file by its path, so it is built as one of its own.
import type { Plugin, PluginServicesOptions, ServicesExtensions } from "miniflare";

export const pluginName = "peer-socket";

export interface PeerSocket {
	/** Where workerd listens: `host:port`. */
	address: string;
	/** Which of the Worker's exports is asked. */
	entrypoint: string;
}

/** The binding by which Miniflare loads this plugin for a Worker; the Worker itself sees nothing of it. */
export function peerSocketBinding(file: string, socket: PeerSocket) {
	return {
		name: "PEER_SOCKET",
		type: pluginName,
		plugin: { package: file, name: pluginName },
		options: { ...socket },
	};
}

const plugin: Plugin = {
	getBindings: () => {},
	getNodeBindings: () => ({}),
	getServices({ options: { config } }: PluginServicesOptions): ServicesExtensions {
		const binding = config.env?.PEER_SOCKET as { dev?: { options?: unknown } } | undefined;
		const options = binding?.dev?.options;
		if (!options) throw new Error("Miniflare passes this plugin no options: it is of another version than this is for");
		const { address, entrypoint } = options as PeerSocket;
		const service = { name: `core:user:${config.name}`, entrypoint };
		return { services: [], extensions: [], sockets: [{ name: pluginName, address, service, http: {} }] };
	},
};

export const plugins = { [pluginName]: plugin };
