// The tab's title and icon, which say how the run stands while the person looks elsewhere.
const icons: Record<string, string> = { passed: "good", failed: "bad", running: "runs" };

export function showInTab(status: string, title: string): void {
	document.title = `${status === "passed" ? "\u2713" : status === "failed" ? "\u2717" : "\u25d1"} ${title}`;
	const icon = document.querySelector<HTMLLinkElement>('link[rel="icon"]');
	if (icon !== null) icon.href = `/assets/icon-${icons[status] ?? "rests"}-1.svg`;
}
