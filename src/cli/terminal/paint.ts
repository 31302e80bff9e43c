// Colours by meaning. Without a terminal every paint is the text itself.
import { styleText } from "node:util";

type Style = Parameters<typeof styleText>[0];

export interface Paint {
	strong(text: string): string;
	faint(text: string): string;
	/** By how a thing ended or stands: green, red, yellow. */
	outcome(outcome: string | null, text?: string): string;
	/** One of a few colours that say nothing but "another one". */
	nth(index: number, text: string): string;
}

/** Neither red nor green: those mean outcomes. */
const tones: Style[] = ["cyan", "magenta", "yellow", "blue", "cyanBright", "magentaBright"];

const outcomeStyles: Record<string, Style> = {
	passed: "green",
	failed: "red",
	"timed-out": "red",
	lost: "red",
	refused: "red",
	expired: "red",
	canceled: "yellow",
	skipped: "dim",
};

export function createPaint(hasColors: boolean): Paint {
	const paint = (style: Style, text: string) =>
		hasColors && text !== "" ? styleText(style, text, { validateStream: false }) : text;
	return {
		strong: (text) => paint("bold", text),
		faint: (text) => paint("dim", text),
		outcome: (outcome, text = outcome ?? "") => paint(outcomeStyles[outcome ?? ""] ?? "reset", text),
		nth: (index, text) => paint(tones[index % tones.length] ?? "reset", text),
	};
}
