// Moves the clock of everything in the isolate: imported before any build's Worker, so that none has taken the real one.

declare const STAGE_OFFSET_MS: number;

/** `offsetMs`: what is added to the real time. */
export const stage = { offsetMs: STAGE_OFFSET_MS, isHoldingIntake: false };

const RealDate = Date;

class StagedDate extends RealDate {
	constructor(...args: unknown[]) {
		if (args.length === 0) super(RealDate.now() + stage.offsetMs);
		else super(...(args as [number]));
	}

	static override now(): number {
		return RealDate.now() + stage.offsetMs;
	}
}

globalThis.Date = StagedDate as DateConstructor;

interface Alarms {
	setAlarm(at: number | Date): Promise<void>;
	getAlarm(): Promise<number | null>;
}

/** The platform's alarms come by the real clock. */
export function stageAlarms(storage: Alarms): void {
	const set = storage.setAlarm.bind(storage);
	const get = storage.getAlarm.bind(storage);
	storage.setAlarm = (at) => set(Number(at) - stage.offsetMs);
	storage.getAlarm = async () => {
		const at = await get();
		return at === null ? null : at + stage.offsetMs;
	};
}
