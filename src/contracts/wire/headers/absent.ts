// How the answer to a DELETE says that there was nothing of that name: a call before it took it, or it never was.

export const absentHeader = "Spillway-Absent";
export const absentValue = "true";

export function isAbsent(headers: Headers): boolean {
	return headers.get(absentHeader) === absentValue;
}
