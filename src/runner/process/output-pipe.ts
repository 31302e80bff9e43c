// The pipe through which a job's output comes. Node's own "pipe" is a socket pair, on which `echo > /dev/stdout` fails in the
// job; a plain file would be cut to nothing by the same line, and could not be limited. So it is a real pipe, made as a FIFO.
import { closeSync, constants, openSync, readSync } from "node:fs";
import { Socket } from "node:net";

/** What libuv reads at a time, and what a pipe holds on Linux and macOS alike. */
const readBytes = 64 * 1024;
/** A job cannot make its pipe larger than 1 MiB without privileges; the bound is against a process that never stops writing. */
const drainBytesMax = 16 * 1024 * 1024;

export class OutputPipe {
	/** Kept until a job has the pipe open: without a writer it would seem to be at its end. */
	readonly #writeFd: number;
	readonly #drainFd: number;
	readonly #socket: Socket;
	readonly #onBytes: (bytes: Uint8Array) => void;
	readonly #buffer = Buffer.allocUnsafe(readBytes);
	#released = false;

	/** `path` is a FIFO. */
	constructor(path: string, onBytes: (bytes: Uint8Array) => void) {
		this.#onBytes = onBytes;
		// A second descriptor to read from by hand: the socket closes its own whenever it sees fit.
		this.#drainFd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
		const fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
		this.#writeFd = openSync(path, constants.O_WRONLY);
		this.#socket = new Socket({
			fd,
			readable: true,
			writable: false,
			onread: {
				buffer: Buffer.allocUnsafe(readBytes),
				callback: (length: number, buffer: Uint8Array) => {
					onBytes(buffer.subarray(0, length));
					return true;
				},
			},
		});
		this.#socket.on("error", () => {});
		this.#socket.resume();
	}

	/** From now on only the child and its children can write. */
	release(): void {
		if (!this.#released) closeSync(this.#writeFd);
		this.#released = true;
	}

	/** Takes what is in the pipe at this moment: all that processes wrote which have ended. */
	drain(): void {
		for (let taken = 0; taken < drainBytesMax; ) {
			const length = this.#readNow();
			if (length === 0) return;
			this.#onBytes(this.#buffer.subarray(0, length));
			taken += length;
		}
	}

	/** Whoever still writes gets SIGPIPE. */
	close(): void {
		this.release();
		this.#socket.destroy();
		closeSync(this.#drainFd);
	}

	/** 0 when the pipe is empty or nobody has its other end. */
	#readNow(): number {
		try {
			return readSync(this.#drainFd, this.#buffer, 0, readBytes, null);
		} catch (error) {
			if (error instanceof Error && "code" in error && error.code === "EAGAIN") return 0;
			throw error;
		}
	}
}
