// A real job asks who it is, by the command line and by its two variables, and others verify it over HTTP as they would: by discovery.
// The keys are rotated meanwhile, as the documentation says.
import { createPublicKey, generateKeyPairSync, verify } from "node:crypto";
import { appendFileSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { createRemoteJWKSet, decodeProtectedHeader, jwtVerify } from "jose";
import { afterAll, beforeAll, expect, it } from "vitest";
import { spillway } from "../scripts/child.ts";
import { jobTokenHead } from "../src/contracts/wire/job-token.ts";
import { repository, Site } from "./fixture-site.ts";

const audience = "sts.amazonaws.com";
let site: Site;
beforeAll(async () => {
	site = await Site.open();
	site.runner("one", { capacity: 1 });
});
afterAll(() => site.close());

/** What a far end does that was told nothing but the issuer. */
async function verifyAsOthers(token: string, issuer: string) {
	const answer = await fetch(`${issuer}/.well-known/openid-configuration`);
	const { jwks_uri: keys, issuer: said } = (await answer.json()) as { jwks_uri: string; issuer: string };
	expect(said).toBe(issuer);
	return jwtVerify(token, createRemoteJWKSet(new URL(keys)), { issuer, audience, algorithms: ["RS256"] });
}

/** By OpenSSL, and nothing of the library that signed it. */
async function isGoodByNode(token: string, issuer: string): Promise<boolean> {
	const [head = "", payload = "", signature = ""] = token.split(".");
	const { kid } = JSON.parse(Buffer.from(head, "base64url").toString());
	const { keys } = (await (await fetch(`${issuer}/.well-known/jwks.json`)).json()) as { keys: { kid: string }[] };
	const jwk = keys.find((key) => key.kid === kid);
	const key = createPublicKey({ key: jwk as never, format: "jwk" });
	return verify("sha256", Buffer.from(`${head}.${payload}`), key, Buffer.from(signature, "base64url"));
}

/** A job that writes its tokens to files, and prints them. */
async function tokensOfAJob(name: string): Promise<{ tokens: string[]; log: string }> {
	const files = ["cli", "call"].map((way) => join(site.folder, `${name}-${way}`));
	const ask = `node --input-type=module -e '
		const answer = await fetch(process.env.SPILLWAY_ID_TOKEN_REQUEST_URL, {
			method: "POST",
			headers: {
				authorization: "Bearer " + process.env.SPILLWAY_ID_TOKEN_REQUEST_TOKEN,
				"content-type": "application/json",
			},
			body: JSON.stringify({ audience: "${audience}" }),
		});
		console.log((await answer.json()).token);'`;
	const steps = [
		{ name: "cli", run: `'${process.execPath}' '${spillway}' id-token --audience ${audience} | tee '${files[0]}'` },
		{ name: "call", run: `${ask} > '${files[1]}'; echo "a token: $(cat '${files[1]}'), said once"` },
	];
	const jobs = [{ key: name, steps }];
	const { run } = await site.client.runs.submit(repository, {
		source: null,
		trigger: "push",
		actor: "dev@example.com",
		jobs,
	});
	const { outcome, jobs: [job] = [] } = await site.settled(run.id);
	const log = (await site.log({ job: job?.id ?? "", attempt: 1 })).toString();
	expect(outcome, log).toBe("passed");
	return { tokens: files.map((file) => readFileSync(file, "utf8").trim()), log };
}

it("[N200] a job asks for its identity in both ways, and others verify it by discovery alone", async () => {
	const issuer = site.ready.url;
	const { tokens, log } = await tokensOfAJob("asks");
	for (const token of tokens) {
		const { payload } = await verifyAsOthers(token, issuer);
		expect(payload).toMatchObject({ iss: issuer, sub: "acme/web:no-source", job_key: "asks", trigger: "push" });
		expect(await isGoodByNode(token, issuer)).toBe(true);
		await expect(verifyAsOthers(`${token.slice(0, -4)}AAAA`, issuer)).rejects.toThrow();
		// [N201]
		expect(log).not.toContain(token.slice(jobTokenHead.length));
		expect(log).not.toContain(token.split(".")[2]);
	}
	expect(log).toContain(`a token: ${jobTokenHead}***, said once`);
});

it("[A142] a key is rotated with an overlap: no token that lives is ever without its key", async () => {
	const issuer = site.ready.url;
	const file = join(site.data, "identity-keys");
	const restart = async (change: () => void) => {
		await site.end("stop");
		change();
		await site.start();
	};
	const before = (await tokensOfAJob("before")).tokens[0] ?? "";
	const old = readFileSync(file, "utf8");
	const { privateKey } = generateKeyPairSync("rsa", { modulusLength: 2_048 });
	const next = privateKey.export({ type: "pkcs8", format: "pem" }).toString();
	await restart(() => appendFileSync(file, next));
	// Whoever reads the keys now knows the next one, and it signs nothing yet.
	const published = createRemoteJWKSet(new URL(`${issuer}/.well-known/jwks.json`));
	const between = (await tokensOfAJob("between")).tokens[0] ?? "";
	await jwtVerify(between, published, { issuer, audience });
	await restart(() => writeFileSync(file, `${next}${old}`));
	const after = (await tokensOfAJob("after")).tokens[0] ?? "";
	const kids = [before, between, after].map((token) => decodeProtectedHeader(token).kid);
	expect(kids[0]).toBe(kids[1]);
	expect(kids[1]).not.toBe(kids[2]);
	// By the keys as they were read before the new one signed, and by those of now the old ones.
	await jwtVerify(after, published, { issuer, audience });
	for (const token of [before, between, after]) await verifyAsOthers(token, issuer);
});
