// A log's text for a terminal: of what a terminal acts on only colours, tabs and line ends pass. Everything else would let a job
// write to the clipboard of whoever reads its log, forge what stands on the screen, or ask the terminal to type.

const esc = "\u001b";
const bell = "\u0007";
/** C0 but tab and line ends, DEL, C1. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is looked for
const acting = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f]/;
const spacing = /[\t\r\n]/;
const colour = /^[0-9;:]*m$/;
/** Longer than any colour: what goes on after it is text. */
const parametersMax = 64;

type State =
	| { in: "text" }
	/** After ESC: what it begins is not known yet. */
	| { in: "escape" }
	/** After ESC and an intermediate byte, such as `(`: one more byte ends it. */
	| { in: "charset" }
	/** CSI: parameters, then one byte that says what it does. */
	| { in: "csi"; parameters: string }
	/** OSC, DCS and their like: to their terminator, or to the end of the line, so that a stray one hides no more than that. */
	| { in: "string" };

const text: State = { in: "text" };

export class TerminalText {
	readonly #hasColors: boolean;
	#state: State = text;
	#isColoured = false;

	constructor(hasColors: boolean) {
		this.#hasColors = hasColors;
	}

	/** A sequence may begin in one call and end in another. */
	push(chunk: string): string {
		if (this.#state.in === "text" && !acting.test(chunk)) return chunk;
		let shown = "";
		for (const character of chunk) shown += this.#take(character);
		return shown;
	}

	/** Ends what is open; a colour that was left on is taken back. */
	end(): string {
		this.#state = text;
		const isColoured = this.#isColoured;
		this.#isColoured = false;
		return isColoured ? `${esc}[0m` : "";
	}

	#take(character: string): string {
		const state = this.#state;
		// Each of these ends what came before, wherever it stands; a string has ends of its own.
		if (state.in !== "string" && acting.test(character)) {
			this.#state = begun(character);
			return "";
		}
		switch (state.in) {
			case "text":
				return character;
			case "escape":
				this.#state = afterEscape(character);
				return spacing.test(character) ? character : "";
			case "charset":
				if (!/[ -/]/.test(character)) this.#state = text;
				return spacing.test(character) ? character : "";
			case "csi":
				return this.#inCsi(character, state.parameters);
			case "string":
				return this.#inString(character);
		}
	}

	#inCsi(character: string, parameters: string): string {
		if (/[ -?]/.test(character) && parameters.length < parametersMax) {
			this.#state = { in: "csi", parameters: parameters + character };
			return "";
		}
		this.#state = text;
		if (!/[@-~]/.test(character)) return character;
		const sequence = parameters + character;
		if (!this.#hasColors || !colour.test(sequence)) return "";
		this.#isColoured = !/^0*m$/.test(sequence);
		return `${esc}[${sequence}`;
	}

	#inString(character: string): string {
		if (character === "\n") {
			this.#state = text;
			return character;
		}
		if (character === esc) this.#state = { in: "escape" };
		else if (character === bell || character === "\u009c" || character === "\u0018" || character === "\u001a") {
			this.#state = text;
		}
		return "";
	}
}

function begun(character: string): State {
	switch (character) {
		case esc:
			return { in: "escape" };
		case "\u009b":
			return { in: "csi", parameters: "" };
		case "\u0090":
		case "\u0098":
		case "\u009d":
		case "\u009e":
		case "\u009f":
			return { in: "string" };
		default:
			return text;
	}
}

function afterEscape(character: string): State {
	if (character === "[") return { in: "csi", parameters: "" };
	if (/[PX\]^_]/.test(character)) return { in: "string" };
	return /[ -/]/.test(character) ? { in: "charset" } : text;
}
