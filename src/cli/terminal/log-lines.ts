// A log's bytes as whole lines for a terminal that several logs share. A line is held back until it ends; a program that
// redraws its line (`\r`) shows its last state; of control characters only colours pass, so that no log moves the cursor.
import { TerminalText } from "./terminal-text.ts";

/** Longer ones are cut into several: a program that never ends its line must not fill the memory. */
const lineCharactersMax = 10_000;

export class LogLines {
	readonly #print: (line: string) => void;
	readonly #text: TerminalText;
	#decoder = new TextDecoder();
	#held = "";

	constructor(print: (line: string) => void, hasColors: boolean) {
		this.#print = print;
		this.#text = new TerminalText(hasColors);
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

	/** What a line leaves open, a colour too, ends with it. */
	#show(line: string): void {
		const last = line.replace(/\r+$/, "").split("\r").at(-1) ?? "";
		this.#print(this.#text.push(last) + this.#text.end());
	}
}
