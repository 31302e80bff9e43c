// What a job asks of its checkout, by variables of its own. They are read here, not by a shell: what cannot be understood
// fails the job with that reason before git begins.

export interface CheckoutWishes {
	/** Commits of history; null: all. */
	depth: number | null;
	tags: boolean;
	/** Only these folders, and the files at the top; none: all. */
	sparse: string[];
	submodules: "none" | "first" | "recursive";
	lfs: boolean;
	/** Git in the job's own steps may ask for the token too. */
	credentials: boolean;
}

/** Git counts commits in 32 bits. */
const depthMax = 2_147_483_647;

/** The wishes, or the reason why there is no doing them. */
export function readWishes(env: Readonly<Record<string, string>>): CheckoutWishes | string {
	const depth = readDepth(env.SPILLWAY_GIT_DEPTH ?? "");
	if (typeof depth === "string") return depth;
	const sparse = (env.SPILLWAY_GIT_SPARSE ?? "").split(/\s+/).filter((folder) => folder !== "");
	const outside = sparse.find((folder) => folder.split("/").includes(".."));
	if (outside !== undefined) return fault("SPARSE", outside, "folders of the repository");
	const submodules = env.SPILLWAY_GIT_SUBMODULES || "false";
	if (!(submodules === "recursive" || isSwitch(submodules))) {
		return fault("SUBMODULES", submodules, "true, recursive or false");
	}
	const switches = {
		tags: env.SPILLWAY_GIT_TAGS,
		lfs: env.SPILLWAY_GIT_LFS,
		credentials: env.SPILLWAY_GIT_CREDENTIALS,
	};
	for (const [name, value = ""] of Object.entries(switches)) {
		if (!(value === "" || isSwitch(value))) return fault(name.toUpperCase(), value, "true or false");
	}
	return {
		depth: depth.commits,
		tags: switches.tags ? switches.tags === "true" : depth.commits === null,
		sparse,
		submodules: submodules === "recursive" ? "recursive" : submodules === "true" ? "first" : "none",
		lfs: switches.lfs === "true",
		credentials: switches.credentials === "true",
	};
}

function readDepth(text: string): { commits: number | null } | string {
	if (text === "") return { commits: 1 };
	const depth = /^(?:0|[1-9]\d{0,9})$/.test(text) ? Number(text) : Number.NaN;
	if (!(depth <= depthMax)) return fault("DEPTH", text, "a number of commits, or 0 for all");
	return { commits: depth === 0 ? null : depth };
}

function isSwitch(text: string): boolean {
	return text === "true" || text === "false";
}

function fault(name: string, value: string, wanted: string): string {
	return `checkout: SPILLWAY_GIT_${name} is ${JSON.stringify(value.slice(0, 60))}, and must be ${wanted}`;
}
