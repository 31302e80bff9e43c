// A log's bytes as whole lines for a terminal that several logs share. A line is held back until it ends; a program that
// redraws its line (`\r`) shows its last state; of control characters only colours pass, so that no log moves the cursor.

/** Longer ones are cut into several: a program that never ends its line must not fill the memory. */
const lineCharactersMax = 10_000;

const esc = String.fromCharCode(27);
const colour = new RegExp(`${esc}\\[[0-9;]*m`, "g");
/** CSI and OSC sequences, then whatever single control character is left, tab excepted. */
const control = new RegExp(
	`${esc}\\[[0-?]*[ -/]*[@-~]|${esc}\\][^\\u0007${esc}]*(?:\\u0007|${esc}\\\\)?|[\\u0000-\\u0008\\u000b-\\u001f\\u007f]`,
	"g",
);

export class LogLines {
	readonly #print: (line: string) => void;
	readonly #hasColors: boolean;
	#decoder = new TextDecoder();
	#held = "";

	constructor(print: (line: string) => void, hasColors: boolean) {
		this.#print = print;
		this.#hasColors = hasColors;
	}

	push(bytes: Uint8Array): void {
		this.#take(this.#decoder.decode(bytes, { stream: true }));
	}

	/** The end of a log: what is held is its last line. */
	end(): void {
		this.#take(this.#decoder.decode());
		if (this.#held !== "") this.#show(this.#held);
		this.#held = "";
		this.#decoder = new TextDecoder();
	}

	#take(text: string): void {
		const lines = (this.#held + text).split("\n");
		this.#held = lines.pop() ?? "";
		for (const line of lines) this.#show(line);
		while (this.#held.length > lineCharactersMax) {
			this.#show(this.#held.slice(0, lineCharactersMax));
			this.#held = this.#held.slice(lineCharactersMax);
		}
	}

	#show(line: string): void {
		const last = line.replace(/\r+$/, "").split("\r").at(-1) ?? "";
		this.#print(this.#hasColors ? clean(last) : last.replaceAll(control, ""));
	}
}

/** Keeps colours and ends them with the line. */
function clean(line: string): string {
	const colours: string[] = line.match(colour) ?? [];
	const kept = line.replaceAll(control, (match) => (colours.includes(match) ? match : ""));
	return colours.length > 0 ? `${kept}${esc}[0m` : kept;
}
