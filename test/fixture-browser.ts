// A browser as far as a sign-in needs one: it keeps cookies by host, sends them where they belong, and goes where it is sent.
export interface Visited {
	url: string;
	response: Response;
	text: string;
}

interface Cookie {
	host: string;
	name: string;
	value: string;
	attributes: string;
}

const asBrowser = { accept: "text/html,application/xhtml+xml,*/*;q=0.8" };
const redirectsMax = 10;

export class Browser {
	readonly #cookies = new Map<string, Cookie>();
	/** Each address, in order. */
	readonly visited: string[] = [];

	cookie(name: string): Cookie | undefined {
		return [...this.#cookies.values()].find((cookie) => cookie.name === name);
	}

	/** Puts one there, as somebody could who has the browser in hand. */
	plant(host: string, name: string, value: string): void {
		this.#cookies.set(`${host} ${name}`, { host, name, value, attributes: "" });
	}

	/** One request, and no further. */
	async ask(url: string, init: RequestInit = {}): Promise<Visited> {
		const { hostname } = new URL(url);
		const own = [...this.#cookies.values()].filter(({ host }) => host === hostname);
		const cookie = own.map(({ name, value }) => `${name}=${value}`).join("; ");
		const headers = { ...asBrowser, ...(cookie === "" ? {} : { cookie }), ...init.headers };
		const response = await fetch(url, { ...init, redirect: "manual", headers });
		this.visited.push(url);
		for (const line of response.headers.getSetCookie()) this.#keep(hostname, line);
		return { url, response, text: await response.text() };
	}

	/** To the end of all redirects; `until`: the first address that is not gone to. */
	async go(url: string, { until = /^$/ }: { until?: RegExp } = {}): Promise<Visited> {
		let at = await this.ask(url);
		for (let left = redirectsMax; left > 0; left--) {
			const location = at.response.headers.get("location") ?? refreshOf(at.text);
			if (location === null) return at;
			const next = new URL(location, at.url).href;
			if (until.test(next)) return { ...at, url: next };
			at = await this.ask(next);
		}
		throw new Error(`there is no end: ${this.visited.join(" ")}`);
	}

	#keep(host: string, line: string): void {
		const [, name = "", value = "", attributes = ""] = /^([^=]+)=([^;]*)(.*)$/.exec(line) ?? [];
		if (/;\s*max-age=0/i.test(attributes)) this.#cookies.delete(`${host} ${name}`);
		else this.#cookies.set(`${host} ${name}`, { host, name, value, attributes });
	}
}

/** Where a page goes by itself. */
function refreshOf(text: string): string | null {
	const [, address] = /<meta http-equiv="refresh" content="0;url=([^"]+)">/.exec(text) ?? [];
	return address?.replace(/&#(\d+);/g, (_, code: string) => String.fromCharCode(Number(code))) ?? null;
}
