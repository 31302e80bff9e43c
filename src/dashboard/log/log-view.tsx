// The whole log of one attempt, live or sealed, of any length: a window of rows over a spacer. Follow is the scroll position
// itself; Ctrl+F searches all of it.
import { useComputed, useSignal } from "@preact/signals";
import type { Signal } from "@preact/signals";
import { useEffect, useLayoutEffect, useMemo, useRef } from "preact/hooks";
import type { RepositoryName } from "../../contracts/objects/objects.ts";
import type { Attempt } from "../../contracts/http/run.ts";
import { Trouble } from "../parts/notice.tsx";
import { LogFind } from "./log-find.tsx";
import { ShownLog } from "./shown-log.ts";
import { isScaled, rowPixels, rowsInView, scrollTopFor, spacerPixels, topLine } from "./scroll.ts";
import { placeWrapped } from "./wrapped.ts";

interface LogViewProps {
	name: RepositoryName;
	job: string;
	attempt: Attempt;
}

const marginRows = 10;

export default function LogView({ name, job, attempt }: LogViewProps) {
	const source = useMemo(() => new ShownLog({ name, job, attempt: attempt.number }), [job, attempt.number]);
	useEffect(() => () => source.close(), [source]);
	const box = useRef<HTMLDivElement>(null);
	const scrollTop = useSignal(0);
	const viewPixels = useSignal(400);
	const isFollowing = useSignal(attempt.finishedAt === null && !location.hash.startsWith("#L"));
	const marked = useSignal(rangeOf(location.hash));
	const isWrapped = useSignal(false);
	const isSearching = useSignal(false);
	const isPlaced = useRef(false);
	const rowsBox = useRef<HTMLDivElement>(null);
	const isAtRest = useRef(false);
	const extent = useComputed(() => {
		void source.version.value;
		return { lines: source.index?.lines ?? 0, viewPixels: viewPixels.value };
	});

	useEffect(() => {
		const element = box.current;
		if (element === null) return;
		const sized = new ResizeObserver(() => {
			viewPixels.value = element.clientHeight;
		});
		sized.observe(element);
		return () => sized.disconnect();
	}, []);

	const go = (line: number) => {
		const rows = rowsInView(extent.value);
		box.current?.scrollTo({ top: scrollTopFor(Math.max(1, line - Math.floor(rows / 3)), extent.value) });
	};
	const goToEnd = () => box.current?.scrollTo({ top: spacerPixels(extent.value) });

	useEffect(() => {
		const back = () => {
			marked.value = rangeOf(location.hash);
			if (marked.value !== null) go(marked.value.from);
		};
		addEventListener("popstate", back);
		return () => removeEventListener("popstate", back);
	}, []);

	// After the frame in which the spacer has become as tall as the log is now.
	useEffect(() => {
		if (source.index === null) return;
		const frame = requestAnimationFrame(() => {
			if (!isPlaced.current) {
				isPlaced.current = true;
				if (marked.value !== null) go(marked.value.from);
				else if (isFollowing.value || (attempt.outcome !== null && attempt.outcome !== "passed")) goToEnd();
			} else if (isFollowing.value && !isAtRest.current) goToEnd();
			// What came with the end is followed too.
			isAtRest.current = source.isOver;
		});
		return () => cancelAnimationFrame(frame);
	}, [extent.value]);

	const mark = (line: number, isRange: boolean) => {
		const from = isRange && marked.value !== null ? marked.value.from : line;
		marked.value = { from: Math.min(from, line), to: Math.max(from, line) };
		history.pushState(null, "", hashOf(marked.value));
	};

	const { lines } = extent.value;
	const top = topLine(scrollTop.value, extent.value);
	const before = isWrapped.value ? rowsInView(extent.value) : isScaled(extent.value) ? 0 : marginRows;
	const first = Math.max(1, Math.floor(top) - before);
	const last = Math.min(lines, Math.ceil(top) + rowsInView(extent.value) + marginRows);
	const rows = Array.from({ length: Math.max(0, last - first + 1) }, (_, at) => first + at);
	const offset = isScaled(extent.value) ? scrollTop.value - (top - first) * rowPixels : (first - 1) * rowPixels;

	useLayoutEffect(() => {
		if (rowsBox.current === null || !isWrapped.value) return;
		placeWrapped(rowsBox.current, { first, last, scrollTop: scrollTop.value, extent: extent.value });
	});

	return (
		<div class={`log ${isWrapped.value ? "wrapped" : ""}`}>
			<div class="line log-bar">
				<span class="number">{lines.toLocaleString()} lines</span>
				<button type="button" data-shortcut="g" onClick={() => go(1)}>
					Top
				</button>
				<button type="button" data-shortcut="G" onClick={goToEnd}>
					End
				</button>
				<Toggle label="Wrap" shortcut="w" isOn={isWrapped} />
				<Toggle label="Find" isOn={isSearching} />
				<a href={`/v1/repos/${name.owner}/${name.repo}/jobs/${job}/attempts/${attempt.number}/log`}>Plain text</a>
			</div>
			{isSearching.value ? (
				<LogFind
					place={{ name, job, attempt: attempt.number }}
					show={(line) => {
						marked.value = { from: line, to: line };
						go(line);
					}}
					close={() => {
						isSearching.value = false;
						box.current?.focus();
					}}
				/>
			) : null}
			<Trouble text={source.trouble.value} />
			<div
				ref={box}
				class="log-box"
				role="log"
				aria-label="The log"
				aria-live={isFollowing.value ? "polite" : "off"}
				// biome-ignore lint/a11y/noNoninteractiveTabindex: a box that scrolls must be reached by keyboard.
				tabIndex={0}
				onScroll={({ currentTarget }) => {
					scrollTop.value = currentTarget.scrollTop;
					const gap = currentTarget.scrollHeight - currentTarget.scrollTop - currentTarget.clientHeight;
					isFollowing.value = gap < rowPixels * 2;
				}}
				onWheel={(event) => {
					if (!isScaled(extent.value)) return;
					event.preventDefault();
					const moved = event.deltaMode === 1 ? event.deltaY : event.deltaY / rowPixels;
					event.currentTarget.scrollTop = scrollTopFor(Math.max(1, top + moved), extent.value);
				}}
				onKeyDown={(event) => {
					if (event.key !== "f" || !(event.ctrlKey || event.metaKey) || isSearching.value) return;
					isSearching.value = true;
					event.preventDefault();
				}}
			>
				<div class="log-spacer" style={{ height: `${spacerPixels(extent.value)}px` }}>
					<div ref={rowsBox} class="log-rows" style={isWrapped.value ? {} : { transform: `translateY(${offset}px)` }}>
						{rows.map((line) => (
							<Row key={line} line={line} source={source} isMarked={isIn(marked.value, line)} mark={mark} />
						))}
					</div>
				</div>
			</div>
			{isFollowing.value || source.isOver ? null : (
				<button type="button" class="pill" onClick={goToEnd}>
					New lines ↓
				</button>
			)}
		</div>
	);
}

function Toggle({ label, shortcut, isOn }: { label: string; shortcut?: string; isOn: Signal<boolean> }) {
	return (
		<button
			type="button"
			data-shortcut={shortcut}
			aria-pressed={isOn.value}
			onClick={() => {
				isOn.value = !isOn.value;
			}}
		>
			{label}
		</button>
	);
}

interface RowProps {
	line: number;
	source: ShownLog;
	isMarked: boolean;
	/** `isRange`: from what is marked to here. */
	mark: (line: number, isRange: boolean) => void;
}

function Row({ line, source, isMarked, mark }: RowProps) {
	const shown = source.line(line);
	return (
		<div class={`log-row ${isMarked ? "marked" : ""}`} id={`L${line}`}>
			<a
				class="log-number"
				href={`#L${line}`}
				data-line={line}
				onClick={(event) => {
					if (event.ctrlKey || event.metaKey) return;
					event.preventDefault();
					mark(line, event.shiftKey);
				}}
			>
				<span class="hidden">Line {line}</span>
			</a>
			<code>
				{shown === null ? (
					<span class="log-absent">…</span>
				) : (
					shown.pieces.map(({ text, style, href }, at) =>
						href === null ? (
							<span key={at} class={style}>
								{text}
							</span>
						) : (
							<a key={at} class={style} href={href} rel="noopener noreferrer nofollow" target="_blank">
								{text}
							</a>
						),
					)
				)}
			</code>
		</div>
	);
}

interface LineRange {
	from: number;
	to: number;
}

/** `#L12` or `#L12-L20`. */
function rangeOf(hash: string): LineRange | null {
	const [, from, to = from] = /^#L(\d{1,9})(?:-L(\d{1,9}))?$/.exec(hash) ?? [];
	return from === undefined ? null : { from: Number(from), to: Number(to) };
}

function hashOf({ from, to }: LineRange): string {
	return from === to ? `#L${from}` : `#L${from}-L${to}`;
}

function isIn(range: LineRange | null, line: number): boolean {
	return range !== null && line >= range.from && line <= range.to;
}
