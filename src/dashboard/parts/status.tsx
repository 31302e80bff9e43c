// A state by shape, colour and word: no one of them alone.
import type { Job, Run } from "../../contracts/http/run.ts";

type Status = Job["state"] | NonNullable<Job["outcome"]> | Run["state"] | NonNullable<Run["outcome"]>;

const shapes: Record<Status, { glyph: string; tone: string }> = {
	accepted: { glyph: "\u25cc", tone: "waits" },
	blocked: { glyph: "\u25cc", tone: "rests" },
	waiting: { glyph: "\u25cb", tone: "waits" },
	leased: { glyph: "\u25d4", tone: "runs" },
	running: { glyph: "\u25d1", tone: "runs" },
	canceling: { glyph: "\u25d1", tone: "rests" },
	finished: { glyph: "\u25cf", tone: "rests" },
	passed: { glyph: "\u2713", tone: "good" },
	failed: { glyph: "\u2717", tone: "bad" },
	"timed-out": { glyph: "\u2717", tone: "bad" },
	lost: { glyph: "!", tone: "bad" },
	refused: { glyph: "!", tone: "bad" },
	expired: { glyph: "!", tone: "bad" },
	canceled: { glyph: "\u2298", tone: "rests" },
	skipped: { glyph: "\u2192", tone: "rests" },
};

export function statusOf({ state, outcome }: { state: Status; outcome: Status | null }): Status {
	return outcome ?? state;
}

export function StatusMark({ status, isShort = false }: { status: Status; isShort?: boolean }) {
	const { glyph, tone } = shapes[status];
	return (
		<span class={`status ${tone}`}>
			<span class="glyph" aria-hidden="true">
				{glyph}
			</span>
			<span class={isShort ? "hidden" : ""}>{status}</span>
		</span>
	);
}
