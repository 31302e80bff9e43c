// Which operations of the document wait for their turn, so that a new one cannot forget to.
import { expect, it } from "vitest";
import { dearCost } from "../../../domain/overload/overload-limits.ts";
import { openApiDocument } from "../document/openapi.ts";
import { classOf } from "./call-class.ts";

const { paths } = openApiDocument() as { paths: Record<string, Record<string, unknown>> };
const operations = Object.entries(paths).flatMap(([path, methods]) =>
	Object.keys(methods).map((method) => ({ method: method.toUpperCase(), path })),
);
const query = new URLSearchParams();

it("[V5] each operation of an owner waits for its turn, and none of a runner's, a lease's or the operator's", () => {
	const passing = operations.filter(({ method, path }) => classOf(method, { path, query }) === null);
	const kinds = new Set(passing.map(({ path }) => path.split("/").slice(0, 3).join("/")));
	expect([...kinds].sort()).toEqual([
		"/.well-known/jwks.json",
		"/.well-known/openid-configuration",
		"/auth/callback",
		"/auth/sign-in",
		"/healthz",
		"/install/runner.sh",
		"/install/spillway.js",
		"/metrics",
		"/openapi.json",
		"/readyz",
		"/v1/dead-letters",
		"/v1/lease",
		"/v1/runner",
		"/v1/switches",
	]);
});

it("[V1] the calls below an owner's name wait in that owner's line, and a slice of a rebuild costs as a bulk act", () => {
	expect(classOf("POST", { path: "/v1/owners/acme/projection/rebuild", query })).toMatchObject({
		owner: "acme",
		repo: null,
		cost: dearCost,
	});
	expect(classOf("POST", { path: "/v1/repos/acme/web/projection/rebuild", query })).toMatchObject({
		owner: "acme",
		repo: "web",
		cost: dearCost,
	});
	expect(classOf("GET", { path: "/v1/tokens", query: new URLSearchParams("owner=acme") })).toMatchObject({
		owner: "acme",
	});
});
