// What the journeys about releases share: the last one's program, and a server with its Worker beside this build's.
import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Child, root, startServer } from "../scripts/child.ts";
import type { Ready } from "../scripts/child.ts";
import { lastRelease, unpackFolder } from "../scripts/release/recorded-release.ts";
import { stageBuild } from "../scripts/release/staged-build.ts";

/** Over so many objects the played work wants a pool's runners spread. */
const variables = { POOL_SHARDS: 2 };

export class StagedSite {
	readonly folder: string;
	readonly children: Child[] = [];

	private constructor(folder: string) {
		this.folder = folder;
	}

	static async make(): Promise<StagedSite> {
		return new StagedSite(await mkdtemp(join(tmpdir(), "spillway-release-")));
	}

	get data(): string {
		return join(this.folder, "data");
	}

	/** Resolves to the `dist` of the last release. */
	async lastProgram(): Promise<string> {
		const target = join(this.folder, "program");
		await mkdir(target);
		unpackFolder(lastRelease(), "program.tar.br", target);
		return target;
	}

	/** This build alone, or with another's Worker beside it. */
	async start({ older, offsetMs }: { older?: string; offsetMs?: number } = {}): Promise<Ready> {
		const options = { folder: this.folder, dist: join(root, "dist"), variables };
		const script = await stageBuild({ ...options, ...(older ? { older } : {}), ...(offsetMs ? { offsetMs } : {}) });
		const { child, ready } = await startServer(this.data, { script });
		this.children.push(child);
		return ready;
	}

	/** A command line of this build, or of another. */
	command(words: string[], environment: NodeJS.ProcessEnv, dist?: string): Child {
		const child = new Child({ words, environment, ...(dist ? { script: join(dist, "spillway.js") } : {}) });
		this.children.push(child);
		return child;
	}

	async close(): Promise<void> {
		for (const child of this.children.reverse()) await child.stop();
		await rm(this.folder, { recursive: true, force: true });
	}
}
