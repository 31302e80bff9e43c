import { expect, it } from "vitest";
import { readReturnPath } from "./return-path.ts";

it("[A101] a path of this server is kept, as a header may carry it", () => {
	for (const path of ["/", "/acme/web/runs/12?tab=log#L7", "/a//b", "/%2f/b", "/runs?return=https://a.example"]) {
		expect([path, readReturnPath(path)]).toEqual([path, path]);
	}
	expect(readReturnPath("/grün?q=ü")).toBe("/gr%C3%BCn?q=%C3%BC");
});

it("[A101] whatever a browser could read another host, another scheme or a second header into is none", () => {
	const texts = [
		...["", "runs", "https://evil.example", "//evil.example", "/\\evil.example", "\\\\evil.example", "/a\\b"],
		...["javascript:alert(1)", "///evil.example", "/.//evil.example", "/..//evil.example", "/a/..//evil.example"],
		...["/%2e//evil.example", "/%2E%2e//evil.example", "/\t/evil.example", "/\n/evil.example", " //evil.example"],
		...[
			"/a\r\nSet-Cookie: a=b",
			"/a\u0000",
			"/a\u0085",
			"/a b",
			"/\u2028",
			`/${"a".repeat(1_500)}`,
			`/${"ü".repeat(300)}`,
		],
	];
	expect(texts.filter((text) => readReturnPath(text) !== null)).toEqual([]);
});

it("[A101] nowhere below /auth/, from where the way back would never end", () => {
	const texts = ["/auth", "/auth/", "/auth/sign-in?return=/", "/%61uth/sign-in", "/a/../auth/callback"];
	expect(texts.filter((text) => readReturnPath(text) !== null)).toEqual([]);
	expect(readReturnPath("/authors")).toBe("/authors");
});
