// The same by command line and by curl, to copy: what a person finds here, a program can do.
import { useSignal } from "@preact/signals";

export function Twin({ command, path }: { command: string; path: string }) {
	const copied = useSignal("");
	const lines = {
		command: `spillway ${command}`,
		curl: `curl -H "Authorization: Bearer $SPILLWAY_TOKEN" '${location.origin}${path}'`,
	};
	return (
		<p class="twin">
			{(["command", "curl"] as const).map((kind) => (
				<button
					key={kind}
					type="button"
					class="quiet"
					title={lines[kind]}
					onClick={() => {
						void navigator.clipboard.writeText(lines[kind]);
						copied.value = kind;
					}}
				>
					{copied.value === kind ? "Copied" : `Copy as ${kind === "command" ? "spillway" : "curl"}`}
				</button>
			))}
		</p>
	);
}
