import { expect, it } from "vitest";
import { claimsOf, isPersonId, readMemberName } from "./member-name.ts";

const person = `pe${"a".repeat(24)}`;

it.each([
	[person, person],
	["Ada@Example.com", "ada@example.com"],
	["github:Ada", "github:ada"],
	["https://id.example/realms/one:Ada", "https://id.example/realms/one:ada"],
	["corp:ada@example.com", "corp:ada@example.com"],
	["ada", null],
	["", null],
	[":ada", null],
	["github:", null],
	["github:a b", null],
	["ada@", null],
	["a@b\n", null],
	["/token/tk1", null],
	[`pe${"a".repeat(25)}`, null],
	[`${"a".repeat(65)}@example.com`, null],
])("[A81] %s is kept as %s", (text, kept) => {
	expect(readMemberName(text)).toBe(kept);
});

it("[A81] what an issuer does not vouch for is no claim, and no claim is a person's id", () => {
	const by = { issuer: "github", login: "Ada", email: "Ada@example.com" };
	expect(claimsOf(by)).toEqual(["ada@example.com", "github:ada"]);
	expect(claimsOf({ ...by, email: null })).toEqual(["github:ada"]);
	expect(claimsOf({ issuer: "github", login: null, email: person })).toEqual([]);
	expect(claimsOf({ issuer: "github", login: "a:b", email: null })).toEqual([]);
	expect(isPersonId(person)).toBe(true);
});
