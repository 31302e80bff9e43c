// The 256 colours that terminals number, as classes of the page's log: `c7` in front, `k7` behind. A front colour is moved towards
// black or white until it reads on the page's background, light and dark; behind a colour stands whichever of both reads better.

type Colour = readonly [number, number, number];

/** As `--back` in style.css. */
const backgrounds = { light: [255, 255, 255], dark: [20, 23, 26] } as const satisfies Record<string, Colour>;
/** What WCAG 2.2 asks of text. */
export const contrastMin = 4.5;
const black: Colour = [0, 0, 0];
const white: Colour = [255, 255, 255];
const cube = [0, 95, 135, 175, 215, 255];
/** As xterm has them. */
const named =
	"000000 cd0000 00cd00 cdcd00 0000ee cd00cd 00cdcd e5e5e5 7f7f7f ff0000 00ff00 ffff00 5c5cff ff00ff 00ffff ffffff";

export interface AnsiColour {
	light: Colour;
	dark: Colour;
	back: Colour;
	/** On `back`. */
	onBack: Colour;
}

/** The colour of a number from 0 to 255. */
export function ansiColour(number: number): AnsiColour {
	const back = terminalColour(number);
	return {
		light: readable(back, backgrounds.light, black),
		dark: readable(back, backgrounds.dark, white),
		back,
		onBack: contrast(back, black) >= contrast(back, white) ? black : white,
	};
}

export function ansiStyles(): string {
	const rules = Array.from({ length: 256 }, (_, number) => {
		const { light, dark, back, onBack } = ansiColour(number);
		const front = `.c${number}{color:light-dark(${hex(light)},${hex(dark)})}`;
		return `${front}.k${number}{background:${hex(back)};color:${hex(onBack)}}`;
	});
	return rules.join("\n");
}

function terminalColour(number: number): Colour {
	if (number < 16) {
		const text = named.split(" ")[number] ?? "";
		return [0, 2, 4].map((at) => Number.parseInt(text.slice(at, at + 2), 16)) as unknown as Colour;
	}
	if (number < 232) {
		const at = number - 16;
		return [cube[Math.floor(at / 36)] ?? 0, cube[Math.floor(at / 6) % 6] ?? 0, cube[at % 6] ?? 0];
	}
	const grey = 8 + 10 * (number - 232);
	return [grey, grey, grey];
}

function readable(colour: Colour, background: Colour, towards: Colour): Colour {
	for (let step = 0; step <= 100; step++) {
		const moved = colour.map((value, at) => Math.round(value + (((towards[at] ?? 0) - value) * step) / 100));
		if (contrast(moved as unknown as Colour, background) >= contrastMin) return moved as unknown as Colour;
	}
	return towards;
}

/** By WCAG 2.2, from 1 to 21. */
export function contrast(one: Colour, other: Colour): number {
	const [dark, light] = [luminance(one), luminance(other)].sort((a, b) => a - b) as [number, number];
	return (light + 0.05) / (dark + 0.05);
}

function luminance(colour: Colour): number {
	const [red = 0, green = 0, blue = 0] = colour.map((value) => {
		const share = value / 255;
		return share <= 0.03928 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
	});
	return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}

function hex(colour: Colour): string {
	return `#${colour.map((value) => value.toString(16).padStart(2, "0")).join("")}`;
}
