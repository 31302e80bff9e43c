// What the runner says about itself: one line per event on stderr, for people or as JSON. Job output never comes here.
import { jsonLine } from "../contracts/wire/json/json-line.ts";

export type EventFacts = Record<string, string | number | boolean | null>;
export type EventLog = (event: string, facts?: EventFacts) => void;

export function plainEventLog(write: (line: string) => void): EventLog {
	return (event, facts = {}) => {
		const said = Object.entries(facts).filter(([, fact]) => fact !== null);
		const rest = said.map(([name, fact]) => ` ${name}=${plain(fact)}`);
		write(`${new Date().toISOString()} ${event}${rest.join("")}\n`);
	};
}

export function jsonEventLog(write: (line: string) => void): EventLog {
	return (event, facts = {}) => write(`${jsonLine({ at: new Date().toISOString(), event, ...facts })}\n`);
}

function plain(fact: EventFacts[string]): string {
	const text = String(fact);
	return /^[\w./:@+#-]*$/.test(text) ? text : jsonLine(text);
}
