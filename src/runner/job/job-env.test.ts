import { expect, it } from "vitest";
import { lentEnv } from "./job-env.ts";

it("[N16] a name that every object seems to have is lent only if the machine has such a variable", () => {
	const allowed = ["constructor", "toString", "CACHE"];
	expect(lentEnv({ PATH: "/bin", CACHE: "/c", OTHER: "x" }, allowed, [])).toEqual({ PATH: "/bin", CACHE: "/c" });
	expect(lentEnv({ toString: "mine" } as never, allowed, [])).toEqual({ toString: "mine" });
});
