// Programs that write a text in their own way, for tests of masking: real ones where this machine has them, else what their
// documentation says that they do.
import { spawnSync } from "node:child_process";

export interface Encoder {
	name: string;
	encode(texts: readonly string[]): string[];
	/** So many characters around a text do not depend on it alone: neighbours in base64, and its padding. */
	neighbours: number;
}

/** The program gets all texts as its arguments, and prints a zero byte behind each. */
function program(name: string, command: string[], neighbours = 0): Encoder {
	return {
		name,
		neighbours,
		encode: (texts) => {
			const [file = "", ...args] = [...command, ...texts];
			const { stdout, stderr, error, status } = spawnSync(file, args, { encoding: "utf8" });
			if (error || status !== 0) throw new Error(`${name} failed: ${error?.message ?? stderr}`);
			return stdout
				.split("\0")
				.slice(0, -1)
				.map((text) => text.replace(/\n$/, ""));
		},
	};
}

const bash = (name: string, script: string, neighbours = 0): Encoder =>
	program(
		name,
		["bash", "--norc", "-c", `set -f; for s; do set -- "$s"; ${script}; printf "\\0"; done`, "bash"],
		neighbours,
	);

const python = (name: string, expression: string): Encoder =>
	program(name, [
		"python3",
		"-c",
		`import sys,json,shlex,urllib.parse as u\nfor s in sys.argv[1:]: sys.stdout.write(${expression}+"\\0")`,
	]);

const jq = (name: string, filter: string, neighbours = 0): Encoder =>
	program(name, ["jq", "-nj", `$ARGS.positional[] | (${filter}) + "\\u0000"`, "--args", "--"], neighbours);

function has(file: string): boolean {
	return spawnSync("sh", ["-c", `command -v ${file}`]).status === 0;
}

function everywhere(): Encoder[] {
	return [
		bash("echo", 'printf "%s" "$1"'),
		bash("echo of split words", "echo $1"),
		bash("tr -d of line breaks", 'printf "%s" "$1" | tr -d "\\n"'),
		bash("set -x", 'exec 2>&1; (set -x; : "$1")'),
		bash("printf %q", 'printf "%q" "$1"'),
		bash("printf %q in the C locale", 'export LC_ALL=C; printf "%q" "$1"'),
		bash("@Q under set -x", `exec 2>&1; (set -x; : "\${1@Q}")`),
		bash("printf %q of printf %q", 'printf -v once "%q" "$1"; printf "%q" "$once"'),
		bash("printf %q of @Q under set -x", `exec 2>&1; printf -v once "%q" "\${1@Q}"; (set -x; : "$once")`),
		bash("indented", 'printf "%s" "$1" | sed "s/^/    /"'),
		bash("with carriage returns", 'printf "%s" "$1" | sed "s/$/\\r/"'),
		bash("od -tx1", 'printf "%s" "$1" | od -An -v -tx1'),
		bash("bytes with colons", 'printf "%s" "$1" | od -An -v -tx1 | tr -d "\\n" | sed "s/^ //; s/ /:/g"'),
		bash("base64", 'printf "%s" "$1" | base64', 4),
		bash("base64 of user:secret", 'printf "user:%s@" "$1" | base64', 16),
		bash("base64 of u:secret", 'printf "u:%s\\n" "$1" | base64', 16),
		bash("base64 of us:secret", 'printf "us:%s" "$1" | base64', 16),
		bash("base64 of base64 columns 20", 'printf "%s" "$1" | base64 | tr -d "\\n" | fold -w 20', 4),
	];
}

function ifThere(): Encoder[] {
	return [
		...(has("openssl") ? [bash("openssl base64", 'printf "%s" "$1" | openssl base64', 4)] : []),
		...(has("xxd")
			? [bash("xxd -p", 'printf "%s" "$1" | xxd -p'), bash("xxd -u -p", 'printf "%s" "$1" | xxd -u -p')]
			: []),
		...(has("python3")
			? [
					python("json.dumps", "json.dumps(s)"),
					python("json.dumps twice", "json.dumps(json.dumps({'a':s}))[9:-4]"),
					python("urllib quote", "u.quote(s)"),
					python("urllib quote, nothing safe", "u.quote(s,safe='')"),
					python("urllib quote_plus", "u.quote_plus(s)"),
					python("ascii", "ascii(s)"),
					python("repr", "repr(s)"),
					python("shlex.quote", "shlex.quote(s)"),
				]
			: []),
		...(has("jq")
			? [
					jq("jq @json", "@json"),
					jq("jq @json three times", "@json | @json | @json"),
					jq("jq @sh, @json, @html", "@sh | @json | @html"),
					jq("jq @uri", "@uri"),
					jq("jq @uri twice", "@uri | @uri"),
					jq("jq @sh", "@sh"),
					jq("jq @html", "@html"),
					jq("jq @base64", "@base64", 4),
				]
			: []),
		...(has("perl")
			? [
					program("Data::Dumper", [
						"perl",
						"-CAS",
						"-MData::Dumper",
						"-e",
						"$Data::Dumper::Useqq=1;$Data::Dumper::Terse=1;print Dumper($_),chr(0) for @ARGV",
						"--",
					]),
				]
			: []),
	];
}

/** Of programs that tests cannot count on: what their documentation and source say. */
function byTheBook(): Encoder[] {
	const escaped = (text: string, which: RegExp) =>
		text.replace(which, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`);
	const percent = (text: string, which: RegExp) =>
		text.replace(which, (found) =>
			[...Buffer.from(found)].map((byte) => `%${byte.toString(16).toUpperCase().padStart(2, "0")}`).join(""),
		);
	const hex = (text: string, between: string) =>
		[...Buffer.from(text)].map((byte) => byte.toString(16).padStart(2, "0")).join(between);
	const json = (text: string) => JSON.stringify(text).slice(1, -1);
	const made: Record<string, (text: string) => string> = {
		"Go's JSON": (text) => escaped(json(text), /[&<>\u2028\u2029]/g),
		"PHP's JSON": (text) => escaped(json(text).replaceAll("/", "\\/"), /[\u0080-\uffff]/g),
		"JSON in capital digits": (text) =>
			json(text).replace(
				/[\u0080-\uffff&]/g,
				(unit) => `\\u${unit.charCodeAt(0).toString(16).toUpperCase().padStart(4, "0")}`,
			),
		"user-info by WHATWG": (text) => percent(text, /[^\x21-\x7e]|[#<>?`{}/:;=@[\\\]^|"]/gu),
		"user-info by Go": (text) => percent(text, /[^A-Za-z0-9\-_.~$&+,;=]/gu),
		"query by WHATWG": (text) => percent(text, /[^\x21-\x7e]|["#<>']/gu),
		"a form": (text) => new URLSearchParams({ a: text }).toString().slice(2),
		encodeURIComponent,
		"encodeURIComponent in small digits": (text) =>
			encodeURIComponent(text).replace(/%../g, (found) => found.toLowerCase()),
		"every byte by percent": (text) => `%${hex(text, "%")}`,
		"every byte by backslash": (text) => `\\x${hex(text, "\\x")}`,
		"bytes of C": (text) => `0x${hex(text, ", 0x")}`,
		base64url: (text) => Buffer.from(text).toString("base64url"),
		"base64 in PHP's JSON": (text) => Buffer.from(text).toString("base64").replaceAll("/", "\\/"),
		"base64 in a URL": (text) => encodeURIComponent(Buffer.from(text).toString("base64")),
		"base64 by lines of 76 and CRLF": (text) =>
			(
				Buffer.from(text)
					.toString("base64")
					.match(/.{1,76}/g) ?? []
			).join("\r\n"),
		"wrapped base64 in JSON": (text) =>
			json(
				(
					Buffer.from(text)
						.toString("base64")
						.match(/.{1,64}/g) ?? []
				).join("\n"),
			),
		"a trace in JSON": (text) => json(`'${text.replaceAll("'", "'\\''")}'`),
		"HTML by PHP": (text) =>
			text.replace(
				/[&<>"']/g,
				(found) => ({ "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" })[found] ?? "&#039;",
			),
	};
	return Object.entries(made).map(([name, encode]) => ({
		name,
		encode: (texts) => texts.map(encode),
		neighbours: /base64/.test(name) ? 4 : /byte/.test(name) ? 2 : 0,
	}));
}

export function secretEncoders(): Encoder[] {
	return [...everywhere(), ...ifThere(), ...byTheBook()];
}
