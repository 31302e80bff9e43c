// A line of a log that says when it was sent, so that whoever gets it knows how long it took; 1 KiB, as long as a build's
// longer ones. Processes on one machine share the clock.
export const lineBytes = 1_024;

const words = "compiling src/main.ts ok warning unused value expected found in module test passed ".repeat(16);
let printed = 0;

export function line(): string {
	const head = `@${now().toFixed(3)} ${printed++} `;
	return `${head}${words.slice(0, lineBytes - head.length - 1)}\n`;
}

export function now(): number {
	return performance.timeOrigin + performance.now();
}

/** The instants at which the lines of a text were sent. */
export function sentAt(text: string): number[] {
	const times: number[] = [];
	for (let at = text.indexOf("@"); at !== -1; at = text.indexOf("@", at + 1))
		times.push(Number.parseFloat(text.slice(at + 1, at + 20)));
	return times;
}
