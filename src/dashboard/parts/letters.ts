// Whether a text has these letters in this order, and how well: the fewer others between them, the better.

/** The smaller the better; null: it has not. Nothing asked for fits everything alike. */
export function matchLetters(wanted: string, text: string): number | null {
	const [letters, within] = [wanted.toLowerCase().replaceAll(" ", ""), text.toLowerCase()];
	let at = -1;
	let first = 0;
	for (const [index, letter] of [...letters].entries()) {
		at = within.indexOf(letter, at + 1);
		if (at < 0) return null;
		if (index === 0) first = at;
	}
	return letters === "" ? 0 : at - first - letters.length + first / 100;
}
