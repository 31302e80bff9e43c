// The focus goes to what has just been opened, once: a reference that is a new function each time would take it again with each change
// that is drawn, from whatever the person does by then.

export function takeFocus(element: HTMLElement | null): void {
	element?.focus();
}
