// For who runs the installation: what is in trouble, the switches, and the messages that nobody could take.
import type { DeadLetter } from "../../contracts/http/dead-letter.ts";
import type { Switches } from "../../contracts/http/switches.ts";
import { Act } from "../parts/act.tsx";
import { FailureNotice } from "../parts/notice.tsx";
import { Ago } from "../parts/time.tsx";
import { client } from "../state/api.ts";
import { useResource } from "../state/resource.ts";

const lookAgainMs = 5_000;

interface Readiness {
	status: string;
	dependencies: Record<string, { status: string; since?: string; detail?: string }>;
}

export function OperatorPage() {
	const ready = useResource("readiness", readReadiness, lookAgainMs);
	const switches = useResource("switches", () => client.switches.get(), lookAgainMs);
	const letters = useResource("dead letters", () => client.deadLetters.list({ limit: 100 }), lookAgainMs);
	return (
		<>
			<h1>The installation</h1>
			<FailureNotice failure={ready.failure.value} what="What it rests on" />
			<ul class="rows">
				{Object.entries(ready.value.value?.dependencies ?? {}).map(([name, { status, since, detail }]) => (
					<li key={name} class="row">
						<span class={`status ${status === "ok" ? "good" : "bad"}`}>{status}</span>
						<span class="name">{name}</span>
						<span>{detail ?? ""}</span>
						<span class="when">{since === undefined ? "" : <Ago at={since} />}</span>
					</li>
				))}
			</ul>
			<h1>Switches</h1>
			<FailureNotice failure={switches.failure.value} what="The switches" />
			{switches.value.value === null ? null : <SwitchRows switches={switches.value.value} changed={switches.reload} />}
			<h1>Dead letters</h1>
			<FailureNotice failure={letters.failure.value} what="The dead letters" />
			{letters.value.value?.items.length === 0 ? <p class="empty">None: every message found its way.</p> : null}
			<ul class="rows">
				{letters.value.value?.items.map((letter) => (
					<LetterRow key={letter.id} letter={letter} changed={letters.reload} />
				))}
			</ul>
		</>
	);
}

async function readReadiness(signal: AbortSignal): Promise<Readiness> {
	// 503 has the same body: it is what the page is for.
	return (await (await fetch("/readyz", { signal })).json()) as Readiness;
}

function SwitchRows({ switches, changed }: { switches: Switches; changed: () => void }) {
	const set = async (patch: Partial<Switches>) => {
		await client.switches.patch(patch);
		changed();
	};
	return (
		<ul class="rows">
			{(["acceptRuns", "dispatch", "archive", "project"] as const).map((name) => (
				<li key={name} class="row">
					<span class={`status ${switches[name] ? "good" : "bad"}`}>{switches[name] ? "on" : "off"}</span>
					<span class="name">{name}</span>
					<Act
						label={switches[name] ? "Turn off" : "Turn on"}
						reason={null}
						act={() => set({ [name]: !switches[name] })}
					/>
				</li>
			))}
			<li class="row">
				<span class="status rests">{switches.spill}</span>
				<span class="name">spill</span>
				{(["auto", "always", "never"] as const).map((spill) =>
					spill === switches.spill ? null : <Act key={spill} label={spill} reason={null} act={() => set({ spill })} />,
				)}
			</li>
		</ul>
	);
}

function LetterRow({ letter: { id, queue, at, tries, reason }, changed }: { letter: DeadLetter; changed: () => void }) {
	return (
		<li class="row">
			<span>{queue}</span>
			<span class="name">{reason}</span>
			<span class="number">{tries} tries</span>
			<span class="when">
				<Ago at={at} />
			</span>
			<Act
				label="Send again"
				reason={null}
				act={async () => {
					await client.deadLetters.redrive(id);
					changed();
				}}
			/>
			<Act
				label="Drop"
				reason={null}
				act={async () => {
					await client.deadLetters.drop(id);
					changed();
				}}
			/>
		</li>
	);
}
