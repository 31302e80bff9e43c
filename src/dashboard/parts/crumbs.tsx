// Where one is, as links to all that is above it.
import { useLocation } from "preact-iso/router";
import { decodedPart } from "./decoded-part.ts";

export function Crumbs() {
	const { path } = useLocation();
	const [owner, repo, kind, name] = path
		.split("/")
		.slice(1)
		.map((part) => decodedPart(part) ?? part);
	const links: { text: string; href: string }[] = [];
	if (owner === "operator") links.push({ text: "installation", href: "/operator" });
	else if (owner && owner !== "sign-in") links.push({ text: owner, href: `/?owner=${encodeURIComponent(owner)}` });
	if (repo === "pools" && kind) links.push({ text: `pool ${kind}`, href: `/${owner}/pools/${kind}` });
	else if (repo === "settings") links.push({ text: "settings", href: `/${owner}/settings` });
	else if (owner && repo) links.push({ text: repo, href: `/${owner}/${repo}` });
	if (kind === "runs" && name) links.push({ text: `run ${name}`, href: `/${owner}/${repo}/runs/${name}` });
	return (
		<nav class="crumbs" aria-label="Where you are">
			<a class="home" href="/">
				Spillway
			</a>
			{links.map(({ text, href }) => (
				<a key={href} href={href}>
					{text}
				</a>
			))}
		</nav>
	);
}
