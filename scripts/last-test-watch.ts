// A run of the tests whose last test is over must not wait for ever. A minute after the last test this reporter ends the run as
// Vitest would, with the results of all tests. The one cause that is known, a log line that the plugin of the runtime kept back,
// is avoided in vitest.config.ts (cloudflare/workers-sdk#15498); the minute is for causes that are not.
import type { Reporter, TestModule, TestSpecification, Vitest } from "vitest/node";

/** Longer than a runtime takes to stop on a busy machine. */
const idleMsDefault = 60_000;

/** What of Vitest is used here; its types leave out the reporters, which it has. */
interface Watched {
	reporters: Reporter[];
	state: Pick<Vitest["state"], "getTestModules" | "getUnhandledErrors">;
}

export class LastTestWatch implements Reporter {
	readonly #exit: (code: number) => void;
	readonly #idleMs: number;
	readonly #running = new Set<string>();
	#vitest: Watched | null = null;
	#timer: NodeJS.Timeout | undefined;

	constructor({ exit = (code: number): void => process.exit(code), idleMs = idleMsDefault } = {}) {
		this.#exit = exit;
		this.#idleMs = idleMs;
	}

	onInit(vitest: Pick<Vitest, "state">): void {
		this.#vitest = vitest as unknown as Watched;
	}

	onTestRunStart(specifications: readonly Pick<TestSpecification, "project" | "moduleId">[]): void {
		for (const specification of specifications) this.#running.add(keyOf(specification));
	}

	onTestModuleEnd(module: Pick<TestModule, "project" | "moduleId">): void {
		this.#running.delete(keyOf(module));
		if (this.#running.size === 0) this.#timer = setTimeout(() => void this.#end(), this.#idleMs);
	}

	onTestRunEnd(): void {
		clearTimeout(this.#timer);
	}

	async #end(): Promise<void> {
		if (this.#vitest === null) return;
		const { reporters, state } = this.#vitest;
		const [modules, errors] = [state.getTestModules(), state.getUnhandledErrors()];
		const isFailed = errors.length > 0 || modules.some((module) => !module.ok());
		console.error(
			`Vitest did not end within ${this.#idleMs / 1_000} s of the last test: it is ended, all tests are told.`,
		);
		for (const reporter of reporters) {
			await reporter.onTestRunEnd?.(
				modules,
				errors as Parameters<NonNullable<Reporter["onTestRunEnd"]>>[1],
				isFailed ? "failed" : "passed",
			);
		}
		this.#exit(isFailed ? 1 : 0);
	}
}

function keyOf({ project, moduleId }: Pick<TestModule, "project" | "moduleId">): string {
	return `${project.name} ${moduleId}`;
}
