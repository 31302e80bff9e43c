// Patterns as somebody would write them who knows one language.
import { expect, it } from "vitest";
import { patternFaults } from "./portable-pattern.ts";

it.each([
	["a look-ahead", "^(?!__proto__$)[a-z]+$"],
	["a look-behind", "^(?<!a)b$"],
	["a back-reference", "^(a)\\1$"],
	["a named group", "^(?<name>a)$"],
	["NUL as \\0", "^[^\\0]*$"],
	["a code point in braces", "^[\\u{1F600}]$"],
	["a code unit", "^[^\\u0000]*$"],
	["a property", "^\\p{L}+$"],
	["a literal and a flag", "/^a$/u"],
	["a flag within", "^(?i)a$"],
	["a lazy repeat", "^a+?b$"],
	["a possessive repeat", "^a++b$"],
	["an atomic group", "^(?>a)b$"],
	["a POSIX class", "^[[:alpha:]]+$"],
	["sets within sets", "^[a-z&&[^b]]+$"],
	["an anchor of words", "^\\ba\\b$"],
	["an anchor of others", "^a\\Z$"],
	["no anchor", "[a-z]+"],
	["one anchor", "^[a-z]+"],
	["a dot, which is not the same everywhere", "^.*$"],
	["more repeats than RE2 takes", "^a{0,1001}$"],
	["an open class", "^[a-z$"],
	["an open group", "^(a$"],
	["digits of which alphabet?", "^\\d+$"],
	["arms outside of a group", "^a|b$"],
	["an escaped end", "^a\\$"],
	["a lone brace", "^a{$"],
])("[A58] a pattern with %s is refused", (_, pattern) => {
	expect(patternFaults(pattern)).not.toEqual([]);
});

it.each([
	"^[a-z0-9][a-z0-9._-]{0,99}$",
	"^[A-Za-z0-9][A-Za-z0-9._:/-]{0,63}$",
	"^SIG[A-Z0-9+]{1,12}$",
	"^[^\\x00]*$",
	"^[^-/. ~^:?*\\[\\\\][^ ~^:?*\\[\\\\]*$",
	"^[!-+.-~-]([ -+.-~-]*[!-+.-~-])?$",
	"^(?:a|b)c?$",
	"^[0-9a-f]{64}$",
])("[A58] %s is read alike by all", (pattern) => {
	expect(patternFaults(pattern)).toEqual([]);
});
